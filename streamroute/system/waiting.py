"""Waiting for an event for a limited time, and for a condition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.25


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait at most ``seconds`` until the event is set; return whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def wait_until(
    condition: Callable[[], bool], *, first_pause: float = _FIRST_PAUSE, longest_pause: float = _LONGEST_PAUSE
) -> None:
    """Wait until the condition is true; it is checked at pauses that grow from the first to the longest.

    For conditions that change rarely and are cheap to check. The pauses are in seconds.
    """
    pause = first_pause
    while not condition():
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest_pause)
