"""SharedReading: one reading of Redis for all visitors who ask at the same time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_FRESH: Final = 1.0  # seconds for which a reading is shown again
_REST: Final = 3.0  # as many times as long as a slow reading took, it is shown again
_STALE: Final = 10.0  # seconds for which a reading is shown again at most


class SharedReading(Generic[T]):
    """Reads a value at most once per second, however many visitors want it.

    A slow reading is shown for longer, up to ten seconds: thousands of routes would keep the board,
    and the server, busy all the time.
    A visitor who leaves does not cancel the reading of the others. A reading that fails is tried again by the
    next visitor; those who waited for it get its error.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        *,
        fresh: float = _FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._fresh = fresh
        self._clock = clock
        self._latest: T | None = None
        self._fresh_until = -math.inf
        self._running: asyncio.Task[T] | None = None

    async def value(self) -> T:
        """Return a value that is still fresh, or read it; raises what the reading raises."""
        if self._latest is not None and self._clock() < self._fresh_until:
            return self._latest
        if self._running is None:
            self._running = asyncio.create_task(self._read_once())
            self._running.add_done_callback(_retrieve)
        return await asyncio.shield(self._running)

    def forget(self) -> None:
        """Read again for the next visitor: something has changed."""
        self._latest = None

    async def _read_once(self) -> T:
        start = self._clock()
        try:
            value = await self._read()
            now = self._clock()
            self._latest, self._fresh_until = (
                value,
                now + max(self._fresh, min(_REST * (now - start), _STALE)),
            )
            return value
        finally:
            self._running = None


def _retrieve(task: asyncio.Task[T]) -> None:
    """Mark an error as seen: every visitor who waited for it may have left."""
    if not task.cancelled():
        task.exception()
