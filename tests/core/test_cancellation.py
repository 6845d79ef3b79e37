"""The consumer's own cancellation differs from a handler's failure, and a closed coroutine starts nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from consuming import Handling, dispatcher_of, eventually
from loop_clock import LoopClock, turns
from messages import message_of
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.cancellation import is_own_cancellation, reraise_own_cancellation, uncloseable
from streamroute.core.consume.pool.worker_pool import WorkerPool
from streamroute.values import RetryPolicy


class LyingError(Exception):
    @property
    def __class__(self) -> Any:
        return asyncio.CancelledError

    @__class__.setter
    def __class__(self, _value: Any) -> None: ...


async def test_a_handler_s_own_exception_is_not_our_end() -> None:
    for error in (GeneratorExit(), asyncio.CancelledError(), SystemExit(), KeyboardInterrupt(), LyingError()):
        assert not is_own_cancellation(error)
        assert not is_own_cancellation(error, asyncio.current_task())


async def test_an_exception_thrown_from_outside_ends_the_task() -> None:
    other = asyncio.create_task(asyncio.sleep(0))
    assert is_own_cancellation(GeneratorExit(), other)
    assert is_own_cancellation(RuntimeError("coroutine ignored GeneratorExit"), other)
    await other


def test_without_a_task_a_coroutine_is_being_closed() -> None:
    assert is_own_cancellation(GeneratorExit())
    assert not is_own_cancellation(ValueError())


def compiled(handler: Any) -> Any:
    call = handler_call(handler, "shop.f", {})
    assert isinstance(call, HandlerCall)
    return route_handler(call, name="first", timeout=3600, retry=RetryPolicy(delay=0))


@pytest.mark.parametrize("wrap", [lambda handler: handler, compiled], ids=["written", "compiled"])
@pytest.mark.parametrize("in_a_task", [True, False])
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Python's message about the close
async def test_the_routes_behind_one_whose_coroutine_is_closed_are_not_started(
    wrap: Callable[[Any], Any], in_a_task: bool
) -> None:
    """An abandoned consumer is garbage-collected while another task runs, or after its loop has ended."""

    async def first(payload: Any, container: Any) -> None:
        await asyncio.Event().wait()

    second, message = Handling("second"), message_of({"type": "booked"}, outcomes=[])
    running = dispatcher_of(wrap(first), second).process_message(message)
    await asyncio.create_task(begin(running))
    if in_a_task:
        with pytest.raises((RuntimeError, GeneratorExit)):
            close(running)
    else:
        await asyncio.to_thread(close, running)
    assert second.seen == []
    del running
    gc.collect()
    assert second.seen == []


async def begin(coroutine: Coroutine[Any, Any, Any]) -> None:
    coroutine.send(None)


def close(coroutine: Coroutine[Any, Any, Any]) -> None:
    coroutine.close()


async def test_a_coroutine_that_cannot_be_closed_by_what_it_awaits() -> None:
    seen: list[BaseException] = []
    future = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await future
        except RuntimeError as error:
            seen.append(error)
        await asyncio.sleep(0)
        seen.append(ValueError("it went on"))

    task = asyncio.create_task(uncloseable(work()))
    await asyncio.sleep(0)
    future.set_exception(GeneratorExit("of somebody's"))
    await task
    assert [str(error) for error in seen] == ["the awaited object raised GeneratorExit", "it went on"]
    assert isinstance(seen[0].__cause__, GeneratorExit)


async def test_the_wrapper_is_a_coroutine_in_all_other_respects() -> None:
    proceed = asyncio.Event()

    async def work() -> None:
        with pytest.raises(ValueError, match="thrown"):
            await future
        await proceed.wait()

    future = asyncio.get_running_loop().create_future()
    coroutine = uncloseable(work())
    assert asyncio.iscoroutine(coroutine)
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    [frame] = task.get_stack()
    assert frame.f_code.co_name == "work"
    assert "work" in repr(task)
    future.set_exception(ValueError("thrown"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await uncloseable(asyncio.sleep(0))
    uncloseable(cast("Any", asyncio.sleep(0))).close()


async def test_a_worker_survives_a_generator_exit_of_its_handler() -> None:
    seen: list[str] = []
    failed: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id != "good":
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_exception, GeneratorExit())
            await future

    pool = WorkerPool(1, handle, failed=lambda entry_id, _payload, error: failed.append(type(error).__name__))
    pool.open()
    pool.put([("1", {}), ("2", {}), ("good", {})])
    [worker] = pool._workers
    await eventually(lambda: seen == ["1", "2", "good"])
    assert failed == ["RuntimeError", "RuntimeError"]
    assert pool._workers == {worker}, "the worker is the same"
    await pool.close(grace=0)


async def test_a_handler_s_own_generator_exit_costs_a_turn_of_the_loop_and_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    LoopClock(monkeypatch)
    going_on = asyncio.create_task(reraise_own_cancellation(GeneratorExit()))
    await turns()
    assert going_on.done()
    assert going_on.exception() is None


@pytest.mark.parametrize("error", [GeneratorExit(), ValueError(), SystemExit(1)])
async def test_an_exception_of_a_handler_is_not_raised_again(error: BaseException) -> None:
    judging = asyncio.create_task(reraise_own_cancellation(error))
    await asyncio.wait([judging])
    assert judging.exception() is None


async def test_a_cancellation_is_own_until_it_is_uncancelled() -> None:
    judged: list[bool] = []

    async def cancel_oneself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        judged.append(is_own_cancellation(asyncio.CancelledError()))
        judged.append(is_own_cancellation(asyncio.CancelledError(), task))
        judged.append(is_own_cancellation(ValueError()))  # a handler may fail while it is cancelled
        with pytest.raises(asyncio.CancelledError):
            await reraise_own_cancellation(asyncio.CancelledError())
        task.uncancel()
        judged.append(is_own_cancellation(asyncio.CancelledError()))

    await asyncio.wait([asyncio.create_task(cancel_oneself())])
    assert judged == [True, True, False, False]


def test_without_a_loop_a_cancellation_is_foreign() -> None:
    assert not is_own_cancellation(asyncio.CancelledError())
    assert not is_own_cancellation(SystemExit())


def test_a_coroutine_that_is_closed_runs_its_end() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await future
        finally:
            ended.append("ended")

    loop = asyncio.new_event_loop()
    future = loop.create_future()
    coroutine = uncloseable(work())
    coroutine.send(None)
    coroutine.close()
    assert ended == ["ended"]
    loop.close()
