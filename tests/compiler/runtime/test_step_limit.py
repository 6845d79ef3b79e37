"""A step of a coroutine blocks the event loop for a limited time."""

from __future__ import annotations

import asyncio
import time

import pytest

from streamroute.compiler.runtime.step_limit import LimitedSteps, LoopBlockedError


def run(steps: LimitedSteps) -> asyncio.Task[None]:
    return asyncio.create_task(steps.as_coroutine())


async def test_a_step_that_blocks_for_too_long_is_interrupted() -> None:
    async def block() -> None:
        await asyncio.sleep(0)
        time.sleep(60)  # noqa: ASYNC251 - it blocks the event loop

    steps = LimitedSteps(block())
    steps.limit = 0.01
    with pytest.raises(LoopBlockedError, match=r"^it blocked the event loop for 0\.01 s$"):
        await run(steps)


async def test_a_step_after_a_cancellation_is_interrupted_too() -> None:
    async def block() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            time.sleep(60)  # noqa: ASYNC251 - it blocks the event loop

    steps = LimitedSteps(block())
    steps.limit = 0.01
    task = run(steps)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(LoopBlockedError):
        await task


async def test_steps_that_wait_may_take_any_time() -> None:
    ran: list[int] = []

    async def wait() -> None:
        for number in range(5):
            await asyncio.sleep(0.01)
            ran.append(number)

    steps = LimitedSteps(wait())
    steps.limit = 0.03
    await run(steps)
    assert ran == [0, 1, 2, 3, 4]


async def test_steps_are_unlimited_by_default() -> None:
    async def block() -> None:
        time.sleep(0.01)  # noqa: ASYNC251 - it blocks the event loop

    steps = LimitedSteps(block())
    assert steps.limit is None
    await run(steps)
