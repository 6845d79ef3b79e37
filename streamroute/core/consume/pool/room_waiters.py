"""Room waiters: readers that wait until the queue is short enough for the entries that they would add."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class RoomWaiters:
    """Readers, each with the queue length below which it continues."""

    def __init__(self) -> None:
        self.largest_limit = 0
        """With fewer entries queued, one of the waiters may continue; 0 if there are none."""
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    async def wait(self, below: int) -> None:
        """Wait for a ``release()`` at which ``below`` has room."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(below, waiter)
        await waiter

    def release(self, has_room: Callable[[int], bool]) -> bool:
        """Wake the waiters whose limit has room; return whether there were any."""
        waiters, self._waiters, self.largest_limit = self._waiters, [], 0
        for below, waiter in waiters:
            if not has_room(below):
                self._add(below, waiter)
            elif not waiter.done():
                waiter.set_result(None)
        return len(self._waiters) < len(waiters)

    def _add(self, below: int, waiter: asyncio.Future[None]) -> None:
        self._waiters.append((below, waiter))
        self.largest_limit = max(self.largest_limit, below)
