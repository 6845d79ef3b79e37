"""Wakes reads that wait for an entry."""

from __future__ import annotations

import asyncio


class Arrivals:
    """The reads of one event loop that wait for a new entry."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, seconds: float) -> None:
        """Wait for the next ``wake``, at most ``seconds``."""
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(arrival)
        try:
            async with asyncio.timeout(seconds):
                await arrival
        except TimeoutError:
            return
        finally:
            self._waiting.discard(arrival)

    def wake(self) -> None:
        """Wake all waiting reads."""
        for arrival in self._waiting:
            if not arrival.done():
                arrival.set_result(None)
