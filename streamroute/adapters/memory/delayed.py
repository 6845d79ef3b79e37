"""Delayed entries in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from streamroute.adapters.memory.stream import Fields

_ROUNDING: Final = 1e-6  # seconds: sums of floating point numbers are not exact


class Delayed(NamedTuple):
    """An entry that will be added to ``stream`` at ``due`` (seconds, by the storage's clock)."""

    due: float
    stream: str
    fields: Fields


class MemoryDelays:
    """Delayed entries by name; a second entry of the same name is ignored."""

    def __init__(self) -> None:
        self._waiting: dict[str, Delayed] = {}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order in which they were added."""
        return iter(self._waiting)

    def add(self, name: str, delayed: Delayed) -> None:
        """Delay an entry; does nothing if an entry of this name is delayed already."""
        self._waiting.setdefault(name, delayed)

    def entries(self) -> list[Delayed]:
        """Return the delayed entries, in the order in which they were added."""
        return list(self._waiting.values())

    def take_due(self, now: float) -> list[Delayed]:
        """Remove and return due entries, the earliest first."""
        names = [name for name, delayed in self._waiting.items() if delayed.due <= now + _ROUNDING]
        return sorted((self._waiting.pop(name) for name in names), key=lambda delayed: delayed.due)

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next entry is due, or None."""
        return min((delayed.due - now for delayed in self._waiting.values()), default=None)
