"""A lifecycle: started once, stopped once, and never left in between by a caller that is cancelled."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from consuming import eventually, within_patience
from streamroute.application.lifecycle import Lifecycle
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Steps:
    """A context whose entry and exit wait for the test, and note what they did."""

    def __init__(self) -> None:
        self.enters, self.exits = asyncio.Event(), asyncio.Event()
        self.enters.set()
        self.exits.set()
        self.done: list[str] = []
        self.entry_error: Exception | None = None
        self.exit_error: Exception | None = None
        self.stop_seconds = 40.0
        self.lifecycle = Lifecycle(self.running, lambda: self.stop_seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.done.append("entering")
        try:
            await self.enters.wait()
        except asyncio.CancelledError:
            self.done.append("taken back")
            raise
        if self.entry_error is not None:
            raise self.entry_error
        self.done.append("entered")
        yield
        self.done.append("exiting")
        await self.exits.wait()
        if self.exit_error is not None:
            raise self.exit_error
        self.done.append("exited")


WHOLE = ["entering", "entered", "exiting", "exited"]


async def test_it_runs_from_the_start_to_the_stop() -> None:
    steps = Steps()
    states = [steps.lifecycle.is_running]
    await steps.lifecycle.start()
    states.append(steps.lifecycle.is_running)
    await steps.lifecycle.stop()
    states.append(steps.lifecycle.is_running)
    assert (states, steps.done) == ([False, True, False], WHOLE)


async def test_starts_and_stops_are_repeatable() -> None:
    steps = Steps()
    await asyncio.gather(*(steps.lifecycle.start() for _ in range(3)))
    await steps.lifecycle.start()
    await asyncio.gather(*(steps.lifecycle.stop() for _ in range(3)))
    await steps.lifecycle.stop()
    assert steps.done == WHOLE


async def test_it_does_not_start_after_a_stop() -> None:
    steps = Steps()
    await steps.lifecycle.start()
    await steps.lifecycle.stop()
    with pytest.raises(SetupError, match="was stopped; open the configuration again"):
        await steps.lifecycle.start()


async def test_a_stop_before_the_start_prevents_it() -> None:
    steps = Steps()
    await steps.lifecycle.stop()
    with pytest.raises(SetupError, match="was stopped"):
        await steps.lifecycle.start()
    assert steps.done == []


async def test_another_task_may_stop_it() -> None:
    steps = Steps()
    await asyncio.create_task(steps.lifecycle.start())
    await asyncio.create_task(steps.lifecycle.stop())
    assert steps.done == WHOLE


async def test_a_start_that_fails_raises_its_error_to_each_caller() -> None:
    steps = Steps()
    steps.entry_error = SetupError("no")
    starts = await asyncio.gather(*(steps.lifecycle.start() for _ in range(2)), return_exceptions=True)
    assert starts == [steps.entry_error] * 2
    with pytest.raises(SetupError, match="was stopped"):
        await steps.lifecycle.start()
    assert not steps.lifecycle.is_running


async def test_a_cancelled_start_is_taken_back() -> None:
    steps = Steps()
    steps.enters.clear()
    starting = asyncio.create_task(steps.lifecycle.start())
    await eventually(lambda: steps.done)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within_patience(starting)
    assert steps.done == ["entering", "taken back"]


async def test_a_start_that_another_caller_takes_back_is_an_error() -> None:
    steps = Steps()
    steps.enters.clear()
    first, second = (asyncio.create_task(steps.lifecycle.start()) for _ in range(2))
    await eventually(lambda: steps.done)
    first.cancel()
    with pytest.raises(SetupError, match="stopped while it started"):
        await within_patience(second)


async def test_a_cancelled_stop_waits_for_the_end() -> None:
    steps = Steps()
    await steps.lifecycle.start()
    steps.exits.clear()
    stopping = asyncio.create_task(steps.lifecycle.stop())
    await eventually(lambda: "exiting" in steps.done)
    for _ in range(2):
        stopping.cancel()
        await asyncio.sleep(0)
    assert not stopping.done()
    steps.exits.set()
    with pytest.raises(asyncio.CancelledError):
        await within_patience(stopping)
    assert steps.done == WHOLE


async def test_a_stop_that_hangs_ends(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps()
    await steps.lifecycle.start()
    steps.exits.clear()
    steps.stop_seconds = 0.01
    await within_patience(steps.lifecycle.stop())
    assert "not stopped after 0.01 s; unfinished entries stay pending" in caplog.text
    assert steps.done == WHOLE[:3]


async def test_an_error_of_the_end_reaches_those_who_stop_it() -> None:
    steps = Steps()
    steps.exit_error = SetupError("the container cannot be closed")
    await steps.lifecycle.start()
    stops = await asyncio.gather(*(steps.lifecycle.stop() for _ in range(2)), return_exceptions=True)
    assert stops == [steps.exit_error] * 2


@pytest.mark.parametrize("is_started", [False, True])
async def test_a_request_to_stop_wakes_those_who_wait_for_it(is_started: bool) -> None:
    steps = Steps()
    steps.exits.clear()
    if is_started:
        await steps.lifecycle.start()
    waiting = asyncio.create_task(steps.lifecycle.stopping())
    await asyncio.sleep(0)
    assert not waiting.done()
    steps.lifecycle.request_stop()
    await within_patience(waiting)
    steps.exits.set()
    await within_patience(steps.lifecycle.stop())
    assert steps.done == (WHOLE if is_started else [])


async def test_a_stop_during_the_start_ends_it_afterwards() -> None:
    steps = Steps()
    steps.enters.clear()
    starting = asyncio.create_task(steps.lifecycle.start())
    await eventually(lambda: steps.done)
    stopping = asyncio.create_task(steps.lifecycle.stop())
    steps.enters.set()
    await within_patience(asyncio.gather(starting, stopping))
    assert steps.done == WHOLE
