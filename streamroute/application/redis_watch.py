"""Redis watch: whether the server of an application answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

INTERVAL: Final = 5.0
"""Seconds between two PINGs."""
_STALE: Final = 15.0  # seconds without an answer after which the server counts as unreachable


class RedisWatch:
    """Sends PING every few seconds while ``run`` runs; ``is_up`` may be read from any thread."""

    def __init__(
        self,
        ping: Callable[[], Awaitable[None]],
        *,
        every: float = INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ping = ping
        self._every = every
        self._clock = clock
        self._answered_at = clock()

    @property
    def is_up(self) -> bool:
        """Whether the server has answered lately."""
        return self._clock() - self._answered_at < _STALE

    async def run(self) -> None:
        """Watch until cancelled. Outages are logged by the consumers, not here."""
        self._answered_at = self._clock()
        while True:
            with suppress(Exception):  # the program's own client may raise anything
                await self._ping()
                self._answered_at = self._clock()
            await asyncio.sleep(self._every)
