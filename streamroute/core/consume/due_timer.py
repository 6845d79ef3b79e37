"""When to look for retries that are due: in time for those that were scheduled here."""

from __future__ import annotations

import asyncio
import math

from streamroute.system.waiting import wait_for_event


class DueTimer:
    """Sleeps until a retry that was expected is due."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin anew, in the running event loop."""
        self._wake_promoter = asyncio.Event()
        self._next_due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, delay: float) -> None:
        """A retry was scheduled that is due in ``delay`` seconds."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if due < self._next_due:
            if self._timer is not None:
                self._timer.cancel()
            self._next_due, self._timer = due, loop.call_at(due, self._wake_promoter.set)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not past the nearest retry that is expected."""
        if await wait_for_event(self._wake_promoter, seconds):
            self._wake_promoter.clear()
            self._next_due = math.inf
