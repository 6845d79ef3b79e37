"""The records of a failed message: retries and dead letters.

Both hold the entry's raw fields and the reserved field ``_streamroute``: a JSON object with the origin of
the entry and its history. A field of the entry with that name is stored under another name, and restored.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final

from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.text.limits import ERROR, HISTORY, LONG, NAME, REASON
from streamroute.text.truncation import clip, clip_middle
from streamroute.values import DeadLetter, Failure, RetryLater

FACTS: Final = MARKER.encode()
_TAKEN: Final = re.compile(re.escape(FACTS) + rb"~*")
"""Matches the reserved field name and its escaped forms."""

_VERSION: Final = 1
_MAX_FIELDS: Final = 1000  # a Lua script can pass some 8,000 arguments on; beyond this they are packed
_PACKED: Final = b"_fields"
_LONGEST_TRACE_FIELD: Final = 1000
_MAX_FAILURES: Final = 20
_TRACE_FIELDS: Final = ("traceparent", "tracestate")
_FAILURE_FACTS: Final = ("route", "attempt", "error", "reason", "time")
_DEAD_FACTS: Final = (
    *("id", "stream", "group", "route", "reason", "error", "traceback"),
    *("attempt", "deliveries"),
)
_LATER_FACTS: Final = ("type", "routes", "time", "generation", "trace", "accepted")
_KINDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("id", "stream", "group", "reason", "error", "traceback", "generation"), str),
    **dict.fromkeys(("route", "type"), str | None),
    "attempt": int,
    "deliveries": int,
    "time": int | float,
    "routes": list,
    "trace": dict,
    "accepted": bool,
}


@dataclass(frozen=True, slots=True)
class RetryRecord:
    """A scheduled retry: the id of the original entry, the routes to run, the attempt, the raw fields.

    Empty ``routes`` means every route that matches. ``accepted`` is whether the filters of the routes have
    matched; ``unknown_since`` is the time since which no worker has had the routes (Redis time in ms; 0: a
    worker has them).
    """

    id: str
    routes: frozenset[str]
    attempt: int
    fields: Mapping[bytes, bytes]
    history: Sequence[Failure] = ()
    accepted: bool = True
    unknown_since: int = 0

    @property
    def name(self) -> str:
        """Identifies the retry: a second retry of the same name is ignored."""
        return f"{self.id}|{','.join(sorted(self.routes))}|{self.attempt}"

    def pack(self) -> bytes:
        """Pack the record into one value."""
        facts: dict[str, Any] = {"v": _VERSION, "id": self.id}
        facts |= {"routes": sorted(self.routes), "attempt": self.attempt}
        if self.history:
            facts |= _history_facts(self.history)
        if not self.accepted:
            facts["accepted"] = False
        if self.unknown_since:
            facts["unknown_since"] = self.unknown_since
        return pack_fields({FACTS: _json(facts), **_escape_reserved(self.fields)})

    @classmethod
    def unpack(cls, packed: bytes) -> RetryRecord:
        """Unpack the result of ``pack``; raises DecodeError for any other value."""
        fields = unpack_fields(packed)
        try:
            facts = json.loads(fields.pop(FACTS))
            return cls(
                id=str(facts["id"]),
                routes=frozenset(facts["routes"]),
                attempt=int(facts["attempt"]),
                fields=_unescape_reserved(fields),
                history=_failures(facts),
                accepted=bool(facts.get("accepted", True)),
                unknown_since=int(facts.get("unknown_since", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DecodeError(f"the stored facts of a retry are damaged: {error}") from None


def retry_record(message: Message, retry: RetryLater) -> RetryRecord:
    """Create the record of a retry of one route of a message, or of all its routes."""
    history = message.history
    if not retry.postponed:
        error, generation = clip(retry.error, HISTORY), message.delivery.generation
        failure = Failure(retry.route, message.attempt, error, "", time.time(), generation)
        history = append_failure(history, failure)
    return RetryRecord(
        id=message.id,
        routes=frozenset([retry.route]) if retry.route else message.routes or frozenset(),
        attempt=retry.attempt,
        fields=message.fields,
        history=history,
        unknown_since=retry.unknown_since,
    )


def append_failure(history: Sequence[Failure], failure: Failure) -> Sequence[Failure]:
    """Return the history with one more failure, limited to the latest failures."""
    return (*history, failure)[-_MAX_FAILURES:]


def _history_facts(history: Sequence[Failure]) -> dict[str, Any]:
    """Return the facts of a history: its failures, and beside them the generation of each.

    A worker of an earlier release reads a failure only if it has no other fact than the first five.
    """
    failures = [{name: getattr(failure, name) for name in _FAILURE_FACTS} for failure in history]
    generations = [failure.generation for failure in history]
    return {"history": failures, **({"generations": generations} if any(generations) else {})}


def _failures(facts: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Return the history; an earlier release wrote no generations."""
    generations = chain(map(str, facts.get("generations", ())), repeat(""))
    return tuple(
        Failure(**_checked(failure, _FAILURE_FACTS), generation=generation)
        for failure, generation in zip(facts.get("history", ()), generations, strict=False)
    )


def _checked(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the facts with these names; raises TypeError if another program wrote one of another kind."""
    for name in names:
        value = facts[name]
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        if not isinstance(value, _KINDS[name]):
            raise TypeError(f"{name} is {type(value).__name__}")
        if isinstance(parts, list) and not all(isinstance(part, str) for part in parts):
            raise TypeError(f"{name} holds other values than strings")
    return {name: facts[name] for name in names}


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
    ``trace``
        the W3C trace context.
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

    @classmethod
    def of(cls, message: Message, dead: DeadLetter) -> DeadRecord:
        """Create the record of one failure of a message."""
        message_type: Any = message.get("type")
        return cls(
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
        )

    def as_failure(self) -> Failure:
        """Return this dead letter as a failure in the history of a requeued message."""
        error, reason = clip(self.error, HISTORY), clip(self.reason, HISTORY)
        return Failure(self.route, self.attempt, error, reason, self.time, self.generation)

    def write(self) -> dict[bytes, bytes]:
        """Return the fields of its entry in the stream of dead letters."""
        facts = {name: getattr(self, name) for name in (*_DEAD_FACTS, *_LATER_FACTS)}
        facts |= _history_facts(self.history)
        return {FACTS: _json({"v": _VERSION, **facts}), **self._written_fields()}

    def _written_fields(self) -> Mapping[bytes, bytes]:
        """Return the entry's fields; packed if there are too many, or if they look like packed ones."""
        is_plain = len(self.fields) <= _MAX_FIELDS and self.fields.keys() != {_PACKED}
        return _escape_reserved(self.fields) if is_plain else {_PACKED: pack_fields(self.fields)}

    @classmethod
    def read(cls, entry: Mapping[bytes, bytes]) -> DeadRecord:
        """Parse the result of ``write``; raises DecodeError for any other fields."""
        fields = dict(entry)
        try:
            facts = json.loads(fields.pop(FACTS))
            packed = fields.get(_PACKED) if len(fields) == 1 else None
            return cls(
                **_checked(facts, _DEAD_FACTS),
                **_checked(facts, [name for name in _LATER_FACTS if name in facts]),
                history=_failures(facts),
                fields=_unescape_reserved(fields) if packed is None else unpack_fields(packed),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DecodeError(f"the facts of a dead letter are damaged: {error}") from None


def _escape_reserved(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name + b"~" if _TAKEN.fullmatch(name) else name: value for name, value in fields.items()}


def _unescape_reserved(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name[:-1] if _is_disguised(name) else name: value for name, value in fields.items()}


def _is_disguised(name: bytes) -> bool:
    return name != FACTS and _TAKEN.fullmatch(name) is not None


def flatten_fields(fields: Mapping[bytes, bytes]) -> list[bytes]:
    """Return fields as arguments of XADD: name, value, name, value."""
    return [part for field in fields.items() for part in field]


def fields_from_reply(parts: Sequence[bytes] | Mapping[bytes, bytes] | None) -> dict[bytes, bytes]:
    """Parse the fields in a reply: a flat list (in RESP2 and RESP3), or None."""
    if parts is None:
        return {}
    if isinstance(parts, Mapping):
        return dict(parts)
    pairs: Iterable[bytes] = iter(parts)
    return dict(zip(pairs, pairs, strict=True))


def _trace(message: Message) -> dict[str, str]:
    found = {name: message.get(name) for name in _TRACE_FIELDS}
    return {name: clip(value, _LONGEST_TRACE_FIELD) for name, value in found.items() if type(value) is str}


def _json(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts).encode()
