"""A timeout without a task a message: a handler that waits is watched, and is stopped when its time is up."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from streamroute.compiler.runtime.timeouts import Deadlines, HandlerTimeout, await_with_timeout

LONG = 3600.0
AT_ONCE = 0.0


async def run(coroutine: Coroutine[Any, Any, Any], seconds: float = LONG, route: str = "") -> Any:
    """As the wrapper does it: the first step here, the rest under a deadline."""
    try:
        first = coroutine.send(None)
    except StopIteration as done:
        return done.value
    return await await_with_timeout(coroutine, first, seconds, route)


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def value_after(steps: int) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    return steps


@pytest.mark.parametrize("steps", [0, 1, 2, 50])
async def test_the_result_is_the_handler_s(steps: int) -> None:
    assert await run(value_after(steps)) == steps


async def test_awaited_results_reach_the_handler() -> None:
    futures = [asyncio.get_running_loop().create_future() for _ in range(3)]

    async def handler() -> list[Any]:
        caught: list[Any] = [await futures[0]]
        try:
            await futures[1]
        except ValueError as error:
            caught.append(str(error))
        return [*caught, await futures[2]]

    running = asyncio.ensure_future(run(handler()))
    await asyncio.sleep(0)
    futures[0].set_result("one")
    await asyncio.sleep(0)
    futures[1].set_exception(ValueError("two"))
    await asyncio.sleep(0)
    futures[2].set_result("three")
    assert await running == ["one", "two", "three"]


async def test_an_exception_of_the_first_wait_may_be_caught_by_the_handler() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def handler() -> str:
        try:
            await future
        except ValueError:
            await asyncio.sleep(0)
            return "caught"
        return "not raised"

    running = asyncio.ensure_future(run(handler()))
    await asyncio.sleep(0)
    future.set_exception(ValueError)
    assert await running == "caught"


async def test_a_handler_that_never_ends_is_stopped() -> None:
    ended = False

    async def handler() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    with pytest.raises(HandlerTimeout, match="did not end within"):
        await run(handler(), 0.01)
    assert ended
    assert cancelling() == 0, "our own cancellation is taken back"


async def test_a_handler_that_swallows_its_cancellation_has_failed_all_the_same() -> None:
    async def handler() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "half done"
        return "done"

    with pytest.raises(HandlerTimeout):
        await run(handler(), AT_ONCE)
    assert cancelling() == 0


async def test_a_handler_that_ignores_its_cancellation_is_cancelled_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It occupies a worker all the while, and the log names the handler, once."""
    Deadlines.of(asyncio.get_running_loop()).cancel_again_after = 0.001
    refusals = 0

    async def handler() -> None:
        nonlocal refusals
        while refusals < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                refusals += 1

    for _ in range(2):
        refusals = 0
        with pytest.raises(HandlerTimeout):
            await run(handler(), AT_ONCE, "welcome")
        assert refusals == 3
        assert cancelling() == 0
    [reported] = caplog.messages
    assert reported.startswith("a handler of the route welcome ignores its cancellation after the timeout")


async def test_an_exception_raised_on_cancellation_counts() -> None:
    async def handler() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("on the way out") from None

    with pytest.raises(ValueError, match="on the way out"):
        await run(handler(), AT_ONCE)
    assert cancelling() == 0


async def stop(running: asyncio.Task[Any]) -> None:
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_a_cancellation_from_outside_passes_through() -> None:
    running = asyncio.ensure_future(run(asyncio.sleep(LONG)))
    await stop(running)
    assert running.cancelled()


async def test_an_outside_cancellation_at_the_deadline_is_kept() -> None:
    async def handler() -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # The deadline has struck; before the handler is out, somebody outside asks as well.
            task.cancel()
            raise

    running = asyncio.ensure_future(run(handler(), AT_ONCE))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_a_handler_cannot_swallow_an_outside_cancellation_that_came_with_the_deadline() -> None:
    async def handler() -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task.cancel()
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                return

    running = asyncio.ensure_future(run(handler(), AT_ONCE))
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_handler_s_own_timeout_is_its_own() -> None:
    async def handler() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "handled"
        return "no timeout"

    assert await run(handler()) == "handled"
    assert cancelling() == 0


async def test_an_own_generator_exit_is_a_failure_and_not_the_end() -> None:
    async def handler() -> None:
        await asyncio.sleep(0)
        raise GeneratorExit

    with pytest.raises(RuntimeError, match="the handler raised GeneratorExit"):
        await run(handler())


async def test_a_closed_wrapper_closes_its_handler() -> None:
    closed = False

    async def handler() -> None:
        nonlocal closed
        try:
            await asyncio.Event().wait()
        finally:
            closed = True

    async def hold(wrapped: Coroutine[Any, Any, Any]) -> None:
        wrapped.send(None)

    wrapped = run(handler())
    await asyncio.ensure_future(hold(wrapped))
    wrapped.close()
    assert closed


def test_a_wrapper_that_is_closed_when_no_loop_runs_is_simply_closed() -> None:
    remaining: list[Coroutine[Any, Any, Any]] = []

    async def leave() -> None:
        remaining.append(run(asyncio.sleep(LONG)))
        remaining[0].send(None)

    asyncio.run(leave())
    remaining[0].close()
    assert inspect.getcoroutinestate(remaining[0]) == inspect.CORO_CLOSED


class FakeTask:
    """A task that counts who asked it to stop."""

    def __init__(self) -> None:
        self.requests = 0

    def cancel(self) -> None:
        self.requests += 1

    def uncancel(self) -> None:
        self.requests -= 1

    def cancelling(self) -> int:
        return self.requests


class FakeLoop:
    """A clock that is moved by hand, and its timers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.armed: list[float] = []
        self.timers: list[tuple[float, Callable[[Any], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[Any], None], *args: Any) -> FakeLoop:
        self.armed.append(when)
        self.timers = [(when, callback)]
        return self

    def cancel(self) -> None:
        self.timers = []

    def move_to(self, now: float) -> None:
        self.now = now
        due = [callback for when, callback in self.timers if when <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for callback in due:
            callback(self)


def waiter(deadlines: Deadlines, loop: Any, deadline: float) -> tuple[int, FakeTask]:
    task: Any = FakeTask()
    deadlines.watched[id(task)] = (task, deadline, "", 0)
    if deadline < deadlines.due:
        deadlines.arm(deadline, loop)
    return id(task), task


def test_one_timer_serves_all_timeouts() -> None:
    loop, deadlines = FakeLoop(), Deadlines()
    watched = [waiter(deadlines, loop, 30 + number / 1000) for number in range(1000)]
    for key, _ in watched:
        deadlines.end(key)
    loop.move_to(30)
    assert loop.armed == [30.0]
    assert loop.timers == [], "nothing is left to be watched"


def test_each_handler_is_stopped_at_its_own_timeout() -> None:
    loop, deadlines = FakeLoop(), Deadlines()
    tasks = {deadline: waiter(deadlines, loop, deadline)[1] for deadline in (20.0, 40.0, 10.0, 30.0)}
    for now in (10.0, 20.0, 30.0, 40.0):
        assert loop.timers[0][0] <= now
        loop.move_to(now)
        assert {deadline for deadline, task in tasks.items() if task.requests} == {
            d for d in tasks if d <= now
        }


def test_a_shorter_deadline_moves_the_timer_forward() -> None:
    loop, deadlines = FakeLoop(), Deadlines()
    waiter(deadlines, loop, 300)
    _, hasty = waiter(deadlines, loop, 1)
    loop.move_to(1)
    assert hasty.requests == 1
    assert loop.timers[0][0] == 2.0, "what was cancelled and goes on is asked again"


def test_the_deadlines_of_a_closed_loop_are_forgotten() -> None:
    for _ in range(3):
        asyncio.run(run(value_after(1)))
    gc.collect()
    asyncio.run(run(value_after(1)))
    assert len(Deadlines._of_loop) <= 2
