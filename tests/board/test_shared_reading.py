"""One reading for all visitors."""

from __future__ import annotations

import asyncio

import pytest

from streamroute.board.shared_reading import SharedReading


class Source:
    def __init__(self) -> None:
        self.readings = 0
        self.may_answer = asyncio.Event()
        self.fails = False

    async def read(self) -> int:
        self.readings += 1
        number = self.readings
        await self.may_answer.wait()
        if self.fails:
            raise ZeroDivisionError
        return number


async def test_visitors_at_the_same_time_share_a_reading() -> None:
    source = Source()
    reading = SharedReading(source.read, clock=lambda: 0.0)
    visitors = [asyncio.create_task(reading.value()) for _ in range(5)]
    await asyncio.sleep(0)
    visitors[0].cancel()
    source.may_answer.set()
    assert await asyncio.gather(*visitors[1:]) == [1, 1, 1, 1]
    assert await reading.value() == 1
    assert source.readings == 1


async def test_an_old_value_is_read_again() -> None:
    now, source = 0.0, Source()
    source.may_answer.set()
    reading = SharedReading(source.read, fresh=1.0, clock=lambda: now)
    assert await reading.value() == 1
    now = 0.9
    assert await reading.value() == 1
    now = 1.0
    assert await reading.value() == 2


async def test_an_error_is_for_those_who_wait() -> None:
    source = Source()
    source.fails = True
    reading = SharedReading(source.read, clock=lambda: 0.0)
    visitors = [asyncio.create_task(reading.value()) for _ in range(2)]
    await asyncio.sleep(0)
    source.may_answer.set()
    for visitor in visitors:
        with pytest.raises(ZeroDivisionError):
            await visitor
    source.fails = False
    assert await reading.value() == 2


async def test_a_slow_reading_is_shown_for_longer() -> None:
    now, readings = 0.0, 0

    async def read() -> int:
        nonlocal now, readings
        now, readings = now + 2.0, readings + 1
        return readings

    reading = SharedReading(read, fresh=1.0, clock=lambda: now)
    assert await reading.value() == 1
    now = 7.9
    assert await reading.value() == 1
    now = 8.0
    assert await reading.value() == 2
