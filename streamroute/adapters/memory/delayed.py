"""Delayed entries in memory."""

from __future__ import annotations

import heapq
import itertools
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
        self._numbers = itertools.count()
        self._by_due: list[tuple[float, int, str]] = []

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order in which they were added."""
        return iter(self._waiting)

    def add(self, name: str, delayed: Delayed) -> None:
        """Delay an entry; does nothing if an entry of this name is delayed already."""
        if name not in self._waiting:
            self._waiting[name] = delayed
            heapq.heappush(self._by_due, (delayed.due, next(self._numbers), name))

    def entries(self) -> list[Delayed]:
        """Return the delayed entries, in the order in which they were added."""
        return list(self._waiting.values())

    def take_due(self, now: float) -> list[Delayed]:
        """Remove and return due entries, the earliest first."""
        due: list[Delayed] = []
        while self._by_due and self._by_due[0][0] <= now + _ROUNDING:
            due.append(self._waiting.pop(heapq.heappop(self._by_due)[2]))
        return due

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next entry is due, or None."""
        return self._by_due[0][0] - now if self._by_due else None
