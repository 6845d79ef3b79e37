"""Pulse: whether an event loop still comes round, and how late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

_EVERY: Final = 0.25  # seconds


class EventLoopLag:
    """Measures the event loop in which ``beat`` runs; may be asked from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock() + _EVERY
        self._late = 0.0

    async def measure(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due = self._clock() + _EVERY
            await asyncio.sleep(_EVERY)
            self._late = max(0.0, self._clock() - self._due)

    @property
    def lag(self) -> float:
        """By how many seconds the last beat was late, or the next one is by now."""
        return max(self._late, self._clock() - self._due, 0.0)
