"""Event loop lag: whether an event loop is blocked, and for how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

_INTERVAL: Final = 0.25  # seconds


class EventLoopLag:
    """Measures the lag of the event loop in which ``measure`` runs; ``lag`` may be read from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock() + _INTERVAL
        self._late = 0.0

    async def measure(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due = self._clock() + _INTERVAL
            await asyncio.sleep(_INTERVAL)
            self._late = max(0.0, self._clock() - self._due)

    @property
    def lag(self) -> float:
        """The lag in seconds: of the last wake-up, or of the next one if it is overdue."""
        return max(self._late, self._clock() - self._due, 0.0)
