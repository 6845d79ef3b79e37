"""Dead letters counted by stream, route and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.letter import StreamLetter

_MAX_GROUPS: Final = 1000


@dataclass(slots=True)
class FailureGroup:
    """Dead letters of one stream, route and reason: their number, and the oldest and newest time (ms)."""

    count: int = 0
    oldest: int = 0
    newest: int = 0

    def add(self, at: int) -> None:
        """Count a dead letter written at ``at`` (ms)."""
        self.oldest = min(at, self.oldest) if self.count else at
        self.newest = max(at, self.newest)
        self.count += 1


@dataclass(slots=True)
class DeadLetterSummary:
    """Counts dead letters by stream, route and reason; after 1000 groups, new reasons are merged."""

    total: int = 0
    groups: dict[tuple[str, str, str], FailureGroup] = field(default_factory=dict)

    def add(self, letter: StreamLetter) -> None:
        """Count a dead letter."""
        self.total += 1
        key = (letter.stream, letter.route, letter.reason)
        if key not in self.groups and len(self.groups) >= _MAX_GROUPS:
            key = (letter.stream, letter.route, "(other reasons)")
        self.groups.setdefault(key, FailureGroup()).add(letter.stored.at)

    def rows(self) -> list[tuple[tuple[str, str, str], FailureGroup]]:
        """Return the groups, largest first."""
        return sorted(self.groups.items(), key=lambda row: (-row[1].count, row[0]))
