"""Work that goes on after the answer of an action."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from streamroute.board.background import Background
from streamroute.board.errors import BoardBusyError


async def test_a_fifth_work_is_refused_before_it_is_prepared() -> None:
    background, goes_on = Background(), asyncio.Event()

    async def work() -> None:
        await goes_on.wait()

    for number in range(4):
        with background.place():
            background.start(work(), f"work {number}")
    with pytest.raises(BoardBusyError), background.place():
        pytest.fail("there was a place")
    goes_on.set()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    with background.place():
        pass


async def test_a_place_that_is_held_counts() -> None:
    background = Background()
    with ExitStack() as places:
        for _ in range(4):
            places.enter_context(background.place())
        with pytest.raises(BoardBusyError):
            places.enter_context(background.place())
    with background.place():
        pass
