"""A clock of the event loop that can be advanced, so that a test waits for minutes in no time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest


class LoopClock:
    """The running event loop's clock: time passes while the loop is idle, or with ``advance``.

    What the process computes takes no time on it, nor does a pause of the process, however busy the machine.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        loop: Any = asyncio.get_running_loop()
        self._now: float = loop.time()
        self._select = loop._selector.select
        patch.setattr(loop, "time", lambda: self._now)
        patch.setattr(loop._selector, "select", self._wait)

    def _wait(self, timeout: float | None = None) -> Any:
        """Wait for events; count the time, but not by how much the system returned too late."""
        began = time.monotonic()
        events = self._select(timeout)
        passed = time.monotonic() - began
        self._now += passed if timeout is None else min(passed, max(timeout, 0.0))
        return events

    async def advance(self, seconds: float) -> None:
        """Advance the clock, and let the loop iterate."""
        self._now += seconds
        await turns()


async def turns(count: int = 50) -> None:
    """Let the event loop iterate a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
