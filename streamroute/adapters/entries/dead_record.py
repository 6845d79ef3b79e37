"""The record of a dead letter: a message that failed permanently."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from streamroute.adapters.entries.failure_signature import FailureKind, class_in, failure_kind
from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields
from streamroute.adapters.entries.record_facts import (
    FACTS,
    VERSION,
    checked_facts,
    escape_reserved,
    facts_json,
    failures_of,
    history_facts,
    replay_of,
    unescape_reserved,
)
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.message_trace import current_context
from streamroute.text.limits import ERROR, HISTORY, LONG, NAME, REASON
from streamroute.text.truncation import clip, clip_middle
from streamroute.values import DeadLetter, Failure

_MAX_FIELDS: Final = 1000  # a Lua script can pass some 8,000 arguments on; beyond this they are packed
_PACKED: Final = b"_fields"
_DEAD_FACTS: Final = (
    *("id", "stream", "group", "route", "reason", "error", "traceback"),
    *("attempt", "deliveries"),
)
_LATER_FACTS: Final = (
    *("type", "routes", "time", "generation", "trace", "accepted"),
    *("error_class", "frame", "signature"),
)
_SIGNATURE: Final = re.compile(r"[0-9a-z]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRecord:
    """A stored dead letter: the entry's raw fields, its origin, and the reason of the failure.

    ``id``
        the id of the original entry.
    ``route``
        the route that failed; None if no route did.
    ``routes``
        the routes of the message (empty: all that match).
    ``attempt``
        the number of the attempt that failed.
    ``deliveries``
        how often that attempt was delivered to a worker.
    ``history``
        the failures before this one.
    ``accepted``
        whether the route's filter had matched.
    ``time``
        seconds since the epoch by the worker's clock (the id in the stream of dead letters is Redis time).
    ``generation``
        identifies the configuration.
    ``replay``
        the id of the replay that ran the message; None for every other message.
    ``trace``
        the W3C trace context: of the span in which it failed, else of the producer.
    ``error_class``
        the name of the exception's class; empty if there was no exception.
    ``frame``
        ``module:function`` of the user's code in which it was raised.
    ``signature``
        equal for failures that are probably one bug: of ``kind``, when the letter was written.
    """

    id: str
    stream: str
    group: str
    route: str | None
    reason: str
    error: str
    traceback: str
    attempt: int
    deliveries: int
    fields: Mapping[bytes, bytes]
    type: str | None = None
    routes: Sequence[str] = ()
    time: float = 0.0
    generation: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[Failure] = ()
    accepted: bool = True
    replay: str | None = None
    error_class: str = ""
    frame: str = ""
    signature: str = ""

    @classmethod
    def of(cls, message: Message, dead: DeadLetter) -> DeadRecord:
        """Create the record of one failure of a message."""
        message_type: Any = message.get("type")
        record = cls(
            id=message.id,
            stream=message.stream,
            group=message.group,
            route=dead.route,
            reason=clip(dead.reason, REASON),
            error=clip(dead.error, ERROR),
            traceback=clip_middle(dead.traceback, LONG),
            attempt=dead.attempt,
            deliveries=message.delivery.deliveries,
            fields=dict(message.fields),
            type=clip(message_type, NAME) if issubclass(type(message_type), str) else None,
            routes=sorted(message.routes or ()),
            time=time.time(),
            generation=message.delivery.generation,
            trace=_trace(message),
            history=message.history,
            accepted=dead.accepted,
            replay=message.replay,
            error_class=clip(dead.error_class, NAME) or class_in(dead.error),
            frame=clip(dead.frame, NAME),
        )
        return record.signed()

    @property
    def kind(self) -> FailureKind:
        """What it has in common with the other failures of its signature."""
        return failure_kind(
            self.route, self.error, self.reason, error_class=self.error_class, frame=self.frame
        )

    def signed(self) -> DeadRecord:
        """Return the record with a signature: its own, or that of its kind."""
        if _SIGNATURE.fullmatch(self.signature):
            return self
        return replace(self, signature=self.kind.signature)

    def as_failure(self) -> Failure:
        """Return this dead letter as a failure in the history of a requeued message."""
        error, reason = clip(self.error, HISTORY), clip(self.reason, HISTORY)
        facts = (self.generation, self.error_class)
        return Failure(self.route, self.attempt, error, reason, self.time, *facts)

    def write(self) -> dict[bytes, bytes]:
        """Return the fields of its entry in the stream of dead letters."""
        record = self.signed()
        facts = {name: getattr(record, name) for name in (*_DEAD_FACTS, *_LATER_FACTS)}
        facts |= history_facts(self.history)
        if self.replay is not None:
            facts["replay"] = self.replay
        return {FACTS: facts_json({"v": VERSION, **facts}), **self._written_fields()}

    def _written_fields(self) -> Mapping[bytes, bytes]:
        """Return the entry's fields; packed if there are too many, or if they look like packed ones."""
        is_plain = len(self.fields) <= _MAX_FIELDS and self.fields.keys() != {_PACKED}
        return escape_reserved(self.fields) if is_plain else {_PACKED: pack_fields(self.fields)}

    @classmethod
    def read(cls, entry: Mapping[bytes, bytes]) -> DeadRecord:
        """Parse the result of ``write``; raises DecodeError for any other fields."""
        fields = dict(entry)
        try:
            facts = json.loads(fields.pop(FACTS))
            packed = fields.get(_PACKED) if len(fields) == 1 else None
            record = cls(
                **checked_facts(facts, _DEAD_FACTS),
                **checked_facts(facts, [name for name in _LATER_FACTS if name in facts]),
                history=failures_of(facts),
                replay=replay_of(facts),
                fields=unescape_reserved(fields) if packed is None else unpack_fields(packed),
            )
            return record.signed()
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise DecodeError(f"the facts of a dead letter are damaged: {error}") from None


def group_facts(record: DeadRecord) -> bytes:
    """Return the facts of the group of dead letters that this one belongs to, as JSON."""
    kind = record.kind
    facts = {"title": kind.title, "error_class": kind.error_class, "frame": kind.frame}
    return facts_json(facts if kind.route is None else {**facts, "route": clip(kind.route, NAME)})


def _trace(message: Message) -> dict[str, str]:
    context = current_context(message)
    return {} if context is None else context.as_fields()
