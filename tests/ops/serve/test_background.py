"""Endless activities end with their block."""

from __future__ import annotations

import asyncio

from consuming import within_patience
from streamroute.ops.serve.background import in_background


async def test_a_swallowed_cancellation_is_repeated() -> None:
    """Drivers do that: the activity would go on for ever."""
    swallowed: list[int] = []

    async def activity() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if len(swallowed) == 2:
                    raise
                swallowed.append(1)

    async def block() -> None:
        async with in_background(activity()):
            await asyncio.sleep(0)

    await within_patience(block())
    assert len(swallowed) == 2
