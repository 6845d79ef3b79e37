"""Selection of dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.letter import StreamLetter


class LetterCondition(Protocol):
    """A condition that a dead letter meets or not. It never raises.

    ``failed`` counts the letters on which it failed; ``first_problem`` says why on the first of them;
    ``expression`` is its text; ``is_redacted`` is whether it sees no hidden values.
    """

    expression: str
    is_redacted: bool
    first_problem: str

    @property
    def failed(self) -> int: ...

    def accepts(self, letter: StreamLetter, /) -> bool:
        """Whether the letter meets it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Selects the dead letters that meet every condition; without conditions, all of them.

    ``error`` and ``reason`` are case-insensitive substrings; ``groups`` are signatures; ``older`` and
    ``newer`` are seconds since the dead letter was written; ``where`` is about the payload; ``message_id`` is
    the id of the original entry.
    """

    ids: Sequence[str] = ()
    streams: Sequence[str] = ()
    routes: Sequence[str] = ()
    types: Sequence[str] = ()
    groups: Sequence[str] = ()
    error_classes: Sequence[str] = ()
    error: str = ""
    reason: str = ""
    older: float | None = None
    newer: float | None = None
    where: LetterCondition | None = None
    message_id: str = ""

    @property
    def matches_all(self) -> bool:
        """Whether there are no conditions other than the streams."""
        return self == DeadLetterFilter(streams=self.streams)

    def matches(self, letter: StreamLetter) -> bool:
        """Whether a dead letter meets the conditions; ids and ages are checked on reading."""
        return (
            (not self.streams or letter.stream in self.streams)
            and (not self.routes or not letter.route_names.isdisjoint(self.routes))
            and (not self.types or letter.type in self.types)
            and self.error.lower() in letter.error.lower()
            and (not self.groups or letter.signature in self.groups)
            and (not self.error_classes or letter.error_class in self.error_classes)
            and self.reason.lower() in letter.reason.lower()
            and (not self.message_id or (letter.record is not None and letter.record.id == self.message_id))
            and (self.where is None or self.where.accepts(letter))
        )

    def time_range(self, now: int) -> tuple[int, int]:
        """Return the range of times (ms) at which matching dead letters were written; ``now`` in ms."""
        since = 0 if self.newer is None else now - int(self.newer * 1000)
        return since, now - int((self.older or 0) * 1000)
