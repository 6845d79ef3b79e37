"""When to look for retries that are due: in time for those that were scheduled here."""

from __future__ import annotations

import asyncio
import math


class DueTimer:
    """Sleeps until a retry that was expected is due."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin anew, in the running event loop."""
        self._sooner = asyncio.Event()
        self._next = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, delay: float) -> None:
        """A retry was scheduled that is due in ``delay`` seconds."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if due < self._next:
            if self._timer is not None:
                self._timer.cancel()
            self._next, self._timer = due, loop.call_at(due, self._sooner.set)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not past the nearest retry that is expected."""
        try:
            async with asyncio.timeout(seconds):
                await self._sooner.wait()
        except TimeoutError:
            return
        self._sooner.clear()
        self._next = math.inf
