"""The record of a retry: a failed message that waits to run again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields
from streamroute.adapters.entries.record_facts import (
    FACTS,
    VERSION,
    append_failure,
    checked_facts,
    escape_reserved,
    facts_json,
    failures_of,
    history_facts,
    replay_of,
    trace_of,
    unescape_reserved,
)
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.text.limits import HISTORY
from streamroute.text.truncation import clip
from streamroute.trace_context import TraceContext
from streamroute.values import Failure, RetryLater


@dataclass(frozen=True, slots=True)
class RetryRecord:
    """A scheduled retry: the id of the original entry, the routes to run, the attempt, the raw fields.

    Empty ``routes`` means every route that matches. ``accepted`` is whether the filters of the routes have
    matched; ``unknown_since`` is the time since which no worker has had the routes (Redis time in ms; 0: a
    worker has them). ``trace`` is the context of the span of the last attempt (None: it was not traced).
    ``replay`` is the id of the replay that runs an old entry again (None: it is a failed message).
    ``parked_for`` is the paused route for which the message was parked (empty: it was not).
    """

    id: str
    routes: frozenset[str]
    attempt: int
    fields: Mapping[bytes, bytes]
    history: Sequence[Failure] = ()
    accepted: bool = True
    unknown_since: int = 0
    trace: TraceContext | None = None
    replay: str | None = None
    parked_for: str = ""

    @property
    def name(self) -> str:
        """Identifies the retry: a second retry of the same name is ignored.

        A retry of a replay is another one than a retry of the message itself, which may also be waiting.
        """
        replay = "" if self.replay is None else f"@{self.replay}"
        return f"{self.id}|{','.join(sorted(self.routes))}|{self.attempt}{replay}"

    def pack(self) -> bytes:
        """Pack the record into one value."""
        facts: dict[str, Any] = {"v": VERSION, "id": self.id}
        facts |= {"routes": sorted(self.routes), "attempt": self.attempt}
        if self.history:
            facts |= history_facts(self.history)
        if not self.accepted:
            facts["accepted"] = False
        if self.unknown_since:
            facts["unknown_since"] = self.unknown_since
        if self.trace is not None:
            facts["trace"] = self.trace.as_fields()
        if self.replay is not None:
            facts["replay"] = self.replay
        if self.parked_for:
            facts["parked_for"] = self.parked_for
        return pack_fields({FACTS: facts_json(facts), **escape_reserved(self.fields)})

    @classmethod
    def unpack(cls, packed: bytes) -> RetryRecord:
        """Unpack the result of ``pack``; raises DecodeError for any other value."""
        fields = unpack_fields(packed)
        try:
            facts = json.loads(fields.pop(FACTS))
            return cls(
                id=str(facts["id"]),
                routes=frozenset(checked_facts(facts, ["routes"])["routes"]),
                attempt=int(facts["attempt"]),
                fields=unescape_reserved(fields),
                history=failures_of(facts),
                accepted=bool(facts.get("accepted", True)),
                unknown_since=int(facts.get("unknown_since", 0)),
                trace=trace_of(facts.get("trace")),
                replay=replay_of(facts),
                parked_for=str(facts.get("parked_for", "")),
            )
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise DecodeError(f"the stored facts of a retry are damaged: {error}") from None


def retry_record(message: Message, retry: RetryLater) -> RetryRecord:
    """Create the record of a retry of one route of a message, or of all its routes."""
    history = message.history
    if not retry.postponed:
        error, generation = clip(retry.error, HISTORY), message.delivery.generation
        failure = Failure(retry.route, message.attempt, error, "", time.time(), generation, retry.error_class)
        history = append_failure(history, failure)
    return RetryRecord(
        id=message.id,
        routes=frozenset([retry.route]) if retry.route else message.routes or frozenset(),
        attempt=retry.attempt,
        fields=message.fields,
        history=history,
        unknown_since=retry.unknown_since,
        trace=message.delivery.trace,
        replay=message.replay,
        parked_for=retry.parked_for,
    )
