"""The flush timer: one delay for all streams of an event loop."""

from __future__ import annotations

import asyncio

import pytest

from loop_clock import LoopClock
from streamroute.core.consume.flush_timer import FlushTimer, flush_timer_of_loop


async def test_all_events_are_set_when_the_first_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, timer = LoopClock(monkeypatch), FlushTimer(100.0)
    first, second, third = asyncio.Event(), asyncio.Event(), asyncio.Event()
    timer.add(first)
    await clock.advance(90)
    timer.add(second)
    await clock.advance(11)
    assert first.is_set()
    assert second.is_set()
    timer.add(third)
    await clock.advance(90)
    assert not third.is_set()
    await clock.advance(11)
    assert third.is_set()


async def test_without_other_events_the_next_one_waits_for_the_whole_delay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, timer = LoopClock(monkeypatch), FlushTimer(100.0)
    first, second = asyncio.Event(), asyncio.Event()
    timer.add(first)
    await clock.advance(60)
    timer.discard(first)
    timer.add(second)
    await clock.advance(60)
    assert not second.is_set()
    await clock.advance(50)
    assert second.is_set()
    assert not first.is_set()


async def test_a_discarded_event_ends_no_delay_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, timer = LoopClock(monkeypatch), FlushTimer(100.0)
    first, second = asyncio.Event(), asyncio.Event()
    timer.add(first)
    timer.add(second)
    timer.discard(first)
    timer.discard(first)
    await clock.advance(110)
    assert second.is_set()
    assert not first.is_set()


async def test_each_delay_has_a_timer_of_its_own() -> None:
    assert flush_timer_of_loop(1.0) is flush_timer_of_loop(1.0)
    assert flush_timer_of_loop(1.0) is not flush_timer_of_loop(2.0)


def test_each_event_loop_has_a_timer_of_its_own() -> None:
    async def timer() -> FlushTimer:
        return flush_timer_of_loop(1.0)

    assert asyncio.run(timer()) is not asyncio.run(timer())
