"""Count messages of types that no route lists, in bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_MAX_TYPES: Final = 1000  # types are external input: further ones are counted without their names
_MAX_TYPE_LENGTH: Final = 100  # characters


@dataclass(slots=True)
class UnlistedMessages:
    """The number of unlisted messages, in total and by type."""

    messages: int = 0
    types: Counter[str] = field(default_factory=Counter)

    def add(self, message_type: str, count: int = 1) -> None:
        """Count messages of one type."""
        self.messages += count
        self._count(message_type[:_MAX_TYPE_LENGTH], count)

    def merge(self, other: UnlistedMessages) -> None:
        """Add the counts of another."""
        self.messages += other.messages
        for name, count in other.types.copy().items():
            self._count(name, count)

    def _count(self, name: str, count: int) -> None:
        if name in self.types or len(self.types) < _MAX_TYPES:
            self.types[name] += count

    @property
    def has_more(self) -> bool:
        """Whether there may be more types than are named."""
        return len(self.types) == _MAX_TYPES
