"""Due timer: wake up in time for the retries that this consumer scheduled."""

from __future__ import annotations

import asyncio
import math

from streamroute.system.waiting import wait_for_event


class DueTimer:
    """Sleeps until the next expected retry is due."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Reset, in the running event loop."""
        self._wake_promoter = asyncio.Event()
        self._next_due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, delay: float) -> None:
        """Record that a retry is due in ``delay`` seconds."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if due < self._next_due:
            if self._timer is not None:
                self._timer.cancel()
            self._next_due, self._timer = due, loop.call_at(due, self._wake_promoter.set)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not past the next expected retry."""
        if await wait_for_event(self._wake_promoter, seconds):
            self._wake_promoter.clear()
            self._next_due = math.inf
