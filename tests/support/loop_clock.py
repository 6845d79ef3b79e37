"""A clock of the event loop that can be put forward, so that a test waits for minutes in no time."""

from __future__ import annotations

import asyncio

import pytest


class LoopClock:
    """The time of the running event loop, which goes on as ever; ``advance`` puts it forward.

    Tests that use it choose delays of minutes: beside them it does not matter how busy the machine is.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._ahead = 0.0
        real = loop.time
        patch.setattr(loop, "time", lambda: real() + self._ahead)

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and let the loop turn."""
        self._ahead += seconds
        await turns()


async def turns(count: int = 50) -> None:
    """Let the event loop turn a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
