"""Virtual time on a running loop: code in the context of a clock has its time, other code has real time."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.testing.time.loop_hooks import hooked
from streamroute.testing.time.virtual_clock import CURRENT_CLOCK, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


class Timeline:
    """A clock, and a context in which it is the current one."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = VirtualClock(self.loop, 1000.0)
        self.context = contextvars.copy_context()
        self.context.run(CURRENT_CLOCK.set, self.clock)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a coroutine in the clock's context."""
        return self.loop.create_task(work, context=self.context)


@contextmanager
def timeline() -> Iterator[Timeline]:
    """Hook the running loop, and yield a timeline of it."""
    with hooked(asyncio.get_running_loop()):
        yield Timeline()


async def test_a_sleep_ends_when_the_clock_says_so() -> None:
    with timeline() as time:
        sleeping = time.start(asyncio.sleep(3600, "slept"))
        await time.clock.until_still()
        assert time.clock.next_timer(background=True) == 3600
        time.clock.move_to(3599.9)
        await time.clock.until_still()
        assert not sleeping.done()
        time.clock.move_to(3600)
        await time.clock.until_still()
        assert sleeping.result() == "slept"
        assert time.clock.wall_time() == 4600


async def test_timeouts_and_the_loops_time_are_virtual() -> None:
    async def wait() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 50)
        return asyncio.get_running_loop().time()

    with timeline() as time:
        waiting = time.start(wait())
        await time.clock.until_still()
        time.clock.move_to(50)
        await time.clock.until_still()
        assert waiting.result() == 50


async def test_code_outside_has_real_time() -> None:
    loop = asyncio.get_running_loop()
    with timeline():
        before = loop.time()
        await asyncio.sleep(0.001)
        assert loop.time() > before
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)


async def test_due_timers_run_in_their_order() -> None:
    order: list[float] = []

    async def note(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    with timeline() as time:
        for seconds in (3, 1, 2):
            time.start(note(seconds))
        await time.clock.until_still()
        time.clock.move_to(5)
        await time.clock.until_still()
        assert order == [1, 2, 3]


async def test_a_cancelled_timer_does_not_run() -> None:
    called: list[str] = []
    with timeline() as time:
        timer = time.context.run(time.loop.call_later, 5, called.append, "timer")
        soon = time.context.run(time.loop.call_soon, called.append, "soon")
        timer.cancel()
        soon.cancel()
        assert time.clock.next_timer(background=True) is None
        time.clock.move_to(9)
        await time.clock.until_still()
        assert called == []


async def test_still_means_that_no_task_and_no_thread_runs() -> None:
    gate = threading.Event()

    async def steps() -> str:
        for _ in range(100):
            await asyncio.sleep(0)
        await asyncio.to_thread(gate.wait, 10)
        await asyncio.sleep(0)
        return "ended"

    with timeline() as time:
        task = time.start(steps())
        still = asyncio.create_task(time.clock.until_still())
        for _ in range(102):
            await asyncio.sleep(0)
        assert time.clock.threads == 1
        assert not time.clock.is_still
        assert not still.done()
        gate.set()
        await still
        assert task.result() == "ended"


async def test_something_outside_makes_it_active() -> None:
    event = asyncio.Event()
    with timeline() as time:
        task = time.start(event.wait())
        await time.clock.until_still()
        active = asyncio.create_task(time.clock.until_active())
        await asyncio.sleep(0)
        assert not active.done()
        event.set()
        await active
        await time.clock.until_still()
        assert task.done()


async def test_the_loop_is_as_before_when_the_last_block_ends() -> None:
    loop = asyncio.get_running_loop()
    with hooked(loop):
        with hooked(loop):
            assert "time" in vars(loop)
        assert "time" in vars(loop)
    assert not {"time", "call_soon", "call_at", "call_later", "run_in_executor"} & set(vars(loop))


def test_uvloop_is_hooked_too() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed: the extra fast")

    async def sleep_for_an_hour() -> float:
        with timeline() as time:
            sleeping = time.start(asyncio.sleep(3600))
            await time.clock.until_still()
            time.clock.move_to(3600)
            await time.clock.until_still()
            assert sleeping.done()
        return time.clock.now

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(sleep_for_an_hour()) == 3600
