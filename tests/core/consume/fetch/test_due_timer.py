"""The promoter sleeps at most until the earliest retry that it knows of."""

from __future__ import annotations

import asyncio

import pytest

from consuming import within_patience
from streamroute.core.consume.fetch.due_timer import DueTimer


@pytest.fixture
async def timer() -> DueTimer:
    made = DueTimer()
    made.open()
    return made


async def is_asleep(sleeping: asyncio.Task[None]) -> bool:
    await asyncio.wait([sleeping], timeout=0.05)
    return not sleeping.done()


async def wakes(sleeping: asyncio.Task[None]) -> bool:
    await asyncio.wait([sleeping], timeout=60)
    return sleeping.done()


async def test_the_timer_sleeps_for_the_given_time(timer: DueTimer) -> None:
    sleeping = asyncio.create_task(timer.sleep(600))
    assert await is_asleep(sleeping)
    sleeping.cancel()
    await within_patience(timer.sleep(0.001))


async def test_a_retry_that_is_expected_wakes_it(timer: DueTimer) -> None:
    sleeping = asyncio.create_task(timer.sleep(600))
    await asyncio.sleep(0)
    timer.expect(0.01)
    assert await wakes(sleeping)


async def test_retries_expected_before_the_sleep_count(timer: DueTimer) -> None:
    timer.expect(0.01)
    assert await wakes(asyncio.create_task(timer.sleep(600)))


async def test_the_nearest_of_several_due_times_wakes_the_timer(timer: DueTimer) -> None:
    for delay in (600.0, 0.02, 300.0):
        timer.expect(delay)
    assert await wakes(asyncio.create_task(timer.sleep(600)))


async def test_a_later_retry_does_not_put_off_a_nearer_one(timer: DueTimer) -> None:
    timer.expect(0.02)
    timer.expect(600)
    assert await wakes(asyncio.create_task(timer.sleep(600)))


async def test_the_timer_wakes_once_per_due_time(timer: DueTimer) -> None:
    timer.expect(0.001)
    await within_patience(timer.sleep(600))
    sleeping = asyncio.create_task(timer.sleep(600))
    assert await is_asleep(sleeping)
    timer.expect(0.001)
    await within_patience(sleeping)


async def test_a_distant_retry_does_not_wake_the_timer(timer: DueTimer) -> None:
    timer.expect(600)
    sleeping = asyncio.create_task(timer.sleep(600))
    assert await is_asleep(sleeping)
    sleeping.cancel()


async def test_a_superseded_due_time_does_not_wake_the_timer_again(timer: DueTimer) -> None:
    timer.expect(0.02)
    timer.expect(0.001)
    await within_patience(timer.sleep(600))
    sleeping = asyncio.create_task(timer.sleep(600))
    assert await is_asleep(sleeping)
    sleeping.cancel()


async def test_the_timer_can_be_restarted(timer: DueTimer) -> None:
    timer.expect(0.001)
    await asyncio.sleep(0.005)
    timer.open()
    sleeping = asyncio.create_task(timer.sleep(600))
    assert await is_asleep(sleeping)
    timer.expect(0.001)
    await within_patience(sleeping)
