"""Breath: handlers that never wait get half a millisecond a turn of the loop, and those who read go first."""

from __future__ import annotations

import asyncio
import time

from streamroute.core.consume.loop_budget import Breath


async def turn() -> None:
    """Let the event loop turn once."""
    await asyncio.sleep(0)


async def test_the_first_breath_is_there_at_once_and_the_next_after_a_turn() -> None:
    breath = Breath()
    before = time.monotonic()
    assert breath.draw()
    assert before < breath.end <= time.monotonic() + 0.0005
    end = breath.end
    assert not breath.draw()
    assert breath.end == end, "what was not drawn is not extended"
    await turn()
    assert breath.draw()
    assert not breath.draw()


async def test_who_reads_goes_first_for_two_turns() -> None:
    breath = Breath()
    assert breath.draw()
    await turn()
    breath.hold()
    assert breath.end == 0.0, "what runs is to stop"
    assert not breath.draw()
    await turn()
    assert not breath.draw()
    await turn()
    assert breath.draw()


async def test_a_hold_within_a_breath_counts_from_now_on() -> None:
    """The turn that the breath waits for is one of the two."""
    breath = Breath()
    assert breath.draw()
    breath.hold()
    await turn()
    assert not breath.draw()
    await turn()
    assert breath.draw()
