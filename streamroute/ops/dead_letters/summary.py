"""A summary of dead letters: how many failed where, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.query import Letter

_MOST_GROUPS: Final = 1000


@dataclass(slots=True)
class Group:
    """Letters of one stream, route and reason: how many, and the times of the first and the last (ms)."""

    count: int = 0
    oldest: int = 0
    newest: int = 0

    def add(self, at: int) -> None:
        """Count one more."""
        self.oldest = min(at, self.oldest) if self.count else at
        self.newest = max(at, self.newest)
        self.count += 1


@dataclass(slots=True)
class Summary:
    """Letters counted by stream, route and reason; beyond a thousand groups, without their reasons."""

    total: int = 0
    groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        self.total += 1
        key = (letter.stream, letter.route, letter.reason)
        if key not in self.groups and len(self.groups) >= _MOST_GROUPS:
            key = (letter.stream, letter.route, "(other reasons)")
        self.groups.setdefault(key, Group()).add(letter.stored.at)

    def rows(self) -> list[tuple[tuple[str, str, str], Group]]:
        """The groups, the largest first."""
        return sorted(self.groups.items(), key=lambda row: (-row[1].count, row[0]))
