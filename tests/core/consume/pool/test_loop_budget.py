"""LoopBudget: handlers that never wait run for half a millisecond per loop iteration."""

from __future__ import annotations

import asyncio
import time

from streamroute.core.consume.pool.loop_budget import LoopBudget


async def turn() -> None:
    """Let the event loop iterate once."""
    await asyncio.sleep(0)


async def test_the_first_breath_is_there_at_once_and_the_next_after_a_turn() -> None:
    budget = LoopBudget()
    before = time.monotonic()
    assert budget.renew()
    assert before < budget.end <= time.monotonic() + 0.0005
    end = budget.end
    assert not budget.renew()
    assert budget.end == end, "what was not drawn is not extended"
    await turn()
    assert budget.renew()
    assert not budget.renew()


async def test_the_reader_goes_first_for_two_turns_of_the_loop() -> None:
    budget = LoopBudget()
    assert budget.renew()
    await turn()
    budget.yield_to_reader()
    assert budget.end == 0.0, "what runs is to stop"
    assert not budget.renew()
    await turn()
    assert not budget.renew()
    await turn()
    assert budget.renew()


async def test_a_hold_within_a_breath_counts_from_now_on() -> None:
    """The iteration that the budget waits for counts as one of the two."""
    budget = LoopBudget()
    assert budget.renew()
    budget.yield_to_reader()
    await turn()
    assert not budget.renew()
    await turn()
    assert budget.renew()
