"""Selection of dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.letter import StreamLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Selects the dead letters that meet every condition; without conditions, all of them.

    ``error`` and ``reason`` are case-insensitive substrings; ``older`` and ``newer`` are seconds since the
    dead letter was written.
    """

    ids: Sequence[str] = ()
    streams: Sequence[str] = ()
    routes: Sequence[str] = ()
    types: Sequence[str] = ()
    error: str = ""
    reason: str = ""
    older: float | None = None
    newer: float | None = None

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
            and self.reason.lower() in letter.reason.lower()
        )

    def time_range(self, now: int) -> tuple[int, int]:
        """Return the range of times (ms) at which matching dead letters were written; ``now`` in ms."""
        since = 0 if self.newer is None else now - int(self.newer * 1000)
        return since, now - int((self.older or 0) * 1000)
