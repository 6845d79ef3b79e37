"""A dead letter for operators: the stored record, with the names of the current configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from streamroute.adapters.dead_letters.letter_group import UNREADABLE
from streamroute.ops.dead_letters.redacted_record import redacted_record
from streamroute.payload_redaction import HIDES_NOTHING, PayloadRedactor

if TYPE_CHECKING:
    from streamroute.adapters.dead_letters.letters import DeadLetters, StoredDeadLetter
    from streamroute.adapters.entries.dead_record import DeadRecord

__all__ = ["NO_ROUTE", "UNREADABLE", "StreamLetter"]

NO_ROUTE: Final = "(no route)"


@dataclass(frozen=True, slots=True)
class StreamLetter:
    """A dead letter of one of the configuration's streams, and the dead letter stream that holds it.

    ``current`` is its record with the current names of its routes and group; None if the record is
    unreadable. ``redactor`` hides what the configuration shows to nobody.
    """

    dead_letter_stream: DeadLetters
    stored: StoredDeadLetter
    stream: str
    current: DeadRecord | None
    redactor: PayloadRedactor = HIDES_NOTHING

    @property
    def shown(self) -> StreamLetter:
        """The letter as people may see it; itself if nothing is hidden. It is never written again."""
        if self.record is None or not self.redactor.is_active:
            return self
        stored = replace(self.stored, record=redacted_record(self.record, self.redactor))
        current = self.current and redacted_record(self.current, self.redactor)
        return replace(self, stored=stored, current=current)

    @property
    def record(self) -> DeadRecord | None:
        """The record as it was written; None if it cannot be read."""
        return self.stored.record

    @property
    def route(self) -> str:
        """The name of the route that failed, ``NO_ROUTE`` or ``UNREADABLE``."""
        if self.record is None:
            return UNREADABLE
        return self.record.route or NO_ROUTE

    @property
    def route_names(self) -> frozenset[str]:
        """The former and the current name of the route that failed."""
        current = self.current.route if self.current else None
        return frozenset(name for name in (self.route, current) if name is not None)

    @property
    def type(self) -> str:
        """The message's type; empty if it is unknown."""
        if self.record is None:
            return ""
        return self.record.type or self.record.fields.get(b"type", b"").decode(errors="replace")

    @property
    def signature(self) -> str:
        """The signature of its group of failures, or that of the letters that cannot be read."""
        return self.record.signature if self.record else UNREADABLE

    @property
    def error_class(self) -> str:
        """The name of the exception's class; empty if there was no exception."""
        return self.record.kind.error_class if self.record else ""

    @property
    def error(self) -> str:
        """The text of the exception."""
        return self.record.error if self.record else ""

    @property
    def reason(self) -> str:
        """Why the message was dead-lettered, without the text of the exception."""
        if self.record is None:
            return "not a dead letter of streamroute, or damaged"
        return self.record.reason.removesuffix(f": {self.record.error}")
