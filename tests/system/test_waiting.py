"""Waiting for an event ends when it is set, or when the time is over."""

from __future__ import annotations

import asyncio

from streamroute.system.waiting import wait_for_event, wait_until


async def test_an_event_ends_the_wait() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await wait_for_event(event, 600)


async def test_the_wait_ends_without_the_event() -> None:
    assert not await wait_for_event(asyncio.Event(), 0.001)


async def test_a_condition_is_checked_until_it_is_true() -> None:
    answers = [False, False, True]
    await wait_until(lambda: answers.pop(0), first_pause=0.001)
    assert answers == []
