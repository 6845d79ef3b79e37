"""What a suspended task waits for: sleeping tasks, or something outside."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.testing.time.loop_hooks import hooked
from streamroute.testing.time.virtual_clock import CURRENT_CLOCK, VirtualClock
from streamroute.testing.time.waits import Wait, waits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

sleep = asyncio.sleep


async def of_a_task() -> None:
    await asyncio.create_task(sleep(7))


async def of_gather() -> None:
    await asyncio.gather(sleep(5), sleep(3))


async def of_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(sleep(5))
        group.create_task(of_gather())


async def of_wait() -> None:
    await asyncio.wait([asyncio.create_task(sleep(6)), asyncio.create_task(sleep(8))])


async def of_an_event() -> None:
    await asyncio.Event().wait()


async def of_a_sleep_and_an_event() -> None:
    await asyncio.gather(sleep(5), of_an_event())


async def of_a_group_with_an_event() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(sleep(5))
        group.create_task(of_an_event())


async def of_a_lock() -> None:
    lock = asyncio.Lock()
    async with lock:
        await lock.acquire()


async def of_a_queue() -> None:
    await asyncio.Queue[int]().get()


async def of_a_future() -> None:
    await asyncio.get_running_loop().create_future()


async def of_a_bounded_sleep() -> None:
    await asyncio.wait_for(sleep(5), 60)


async def of_a_bounded_future() -> None:
    await asyncio.wait_for(of_a_future(), 60)


async def of_a_shielded_sleep() -> None:
    await asyncio.shield(sleep(5))


WAITS: dict[Callable[[], Coroutine[Any, Any, None]], set[Wait]] = {
    of_a_task: {Wait.TIME},
    of_gather: {Wait.TIME},
    of_a_group: {Wait.TIME},
    of_wait: {Wait.TIME},
    of_an_event: {Wait.SIGNAL},
    of_a_sleep_and_an_event: {Wait.TIME, Wait.SIGNAL},
    of_a_group_with_an_event: {Wait.TIME, Wait.SIGNAL},
    of_a_lock: {Wait.LOCK},
    of_a_queue: {Wait.SIGNAL},
    of_a_future: {Wait.OUTSIDE},
    of_a_bounded_sleep: {Wait.TIME},
    of_a_bounded_future: {Wait.OUTSIDE},
    of_a_shielded_sleep: {Wait.TIME},
}


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.__name__)
async def test_what_a_task_waits_for_is_told(wait: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = asyncio.get_running_loop()
    clock = VirtualClock(loop, 1000.0)
    context = contextvars.copy_context()
    context.run(CURRENT_CLOCK.set, clock)
    with hooked(loop):
        task = loop.create_task(wait(), context=context)
        await clock.until_still()
        assert waits_of(task, clock.sleepers()) == WAITS[wait]
        task.cancel()
        await clock.until_still()
