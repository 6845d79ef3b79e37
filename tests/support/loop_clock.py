"""A clock of the event loop that can be advanced, so that a test waits for minutes in no time."""

from __future__ import annotations

import asyncio

import pytest


class LoopClock:
    """The running event loop's clock, which keeps ticking; ``advance`` moves it forward.

    Tests that use it choose delays of minutes, so that the speed of the machine does not matter.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._ahead = 0.0
        real = loop.time
        patch.setattr(loop, "time", lambda: real() + self._ahead)

    async def advance(self, seconds: float) -> None:
        """Advance the clock, and let the loop iterate."""
        self._ahead += seconds
        await turns()


async def turns(count: int = 50) -> None:
    """Let the event loop iterate a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
