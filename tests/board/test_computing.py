"""The expensive work of visitors waits for a turn, in a short line, and ends."""

from __future__ import annotations

import asyncio

import pytest

from streamroute.board.computing import Computing
from streamroute.board.errors import BoardBusyError


async def test_one_computes_at_a_time_and_the_line_is_short() -> None:
    computing, goes_on, running = Computing(most_waiting=1), asyncio.Event(), 0

    async def work() -> None:
        nonlocal running
        async with computing:
            running += 1
            await goes_on.wait()
            assert running == 1
            running -= 1

    first, second = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    with pytest.raises(BoardBusyError):
        await work()
    goes_on.set()
    await asyncio.gather(first, second)
    await work()


async def test_a_computation_that_takes_too_long_is_ended() -> None:
    computing = Computing(longest=0.01)
    with pytest.raises(BoardBusyError):
        async with computing:
            await asyncio.Event().wait()
    async with computing:
        pass


async def test_who_waits_too_long_is_told() -> None:
    computing = Computing(patience=0.01)
    async with computing:
        with pytest.raises(BoardBusyError):
            async with computing:
                pass
    async with computing:
        pass


async def test_an_error_gives_the_turn_to_the_next() -> None:
    computing = Computing()
    with pytest.raises(ZeroDivisionError):
        async with computing:
            raise ZeroDivisionError
    async with computing:
        pass
