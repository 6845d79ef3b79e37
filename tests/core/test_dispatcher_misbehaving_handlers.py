"""Whatever a handler or a filter raises is the failure of its route: nothing else runs twice."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from backends import Backend, MemoryBackend, RedisBackend
from consuming import consuming, eventually
from misbehaving import ALL, FAILURES, Make
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.text.limits import ERROR, LONG, REASON
from streamroute.values import RetryPolicy

TWICE = RetryPolicy(max_attempts=2, delay=0, jitter=0)
SLOTS = 2


def made(payload: dict[str, Any]) -> BaseException | None:
    """Return the exception to raise for this message."""
    return ALL[payload["kind"]]() if payload["kind"] else None


async def at_once(payload: dict[str, Any], container: Any) -> None:
    error = made(payload)
    if error is not None:
        raise error


async def later(payload: dict[str, Any], container: Any) -> None:
    await asyncio.sleep(0)
    error = made(payload)
    if error is not None:
        raise error


async def by_a_future(payload: dict[str, Any], container: Any) -> None:
    """A task throws the awaited exception into its coroutine; Python closes it on GeneratorExit."""
    error = made(payload)
    if error is not None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(_fail, future, error)
        await future


def _fail(future: asyncio.Future[None], error: BaseException) -> None:
    try:
        future.set_exception(error)
    except TypeError as refused:  # StopIteration
        future.set_exception(refused)


def in_a_thread(payload: dict[str, Any], container: Any) -> None:
    error = made(payload)
    if error is not None:
        raise error


async def by_a_thread(payload: dict[str, Any], container: Any) -> None:
    if payload["kind"] == "StopIteration":  # asyncio itself would wait for that forever
        raise RuntimeError
    await asyncio.get_running_loop().run_in_executor(None, in_a_thread, payload, container)


def compiled(handler: Any) -> Any:
    call = handler_call(handler, "shop.f", {})
    assert isinstance(call, HandlerCall)
    return route_handler(call, name=handler.__name__, timeout=60, retry=TWICE)


WRITTEN = {"at once": at_once, "later": later, "by a future": by_a_future, "by a thread": by_a_thread}
COMPILED = {name: compiled(handler) for name, handler in [*WRITTEN.items(), ("in a thread", in_a_thread)]}
SHAPES = {
    **{f"written, {name}": handler for name, handler in WRITTEN.items()},
    **{f"compiled, {name}": handler for name, handler in COMPILED.items()},
}


class Siblings:
    """Counts the runs of each message before and after the misbehaving route; good ones meet at a barrier."""

    def __init__(self) -> None:
        self.runs: Counter[tuple[str, str]] = Counter()
        self._both = asyncio.Barrier(SLOTS)
        self.met = 0

    async def before(self, payload: dict[str, Any], container: Any) -> None:
        self.runs["before", payload["n"]] += 1

    async def after(self, payload: dict[str, Any], container: Any) -> None:
        self.runs["after", payload["n"]] += 1
        await asyncio.sleep(0)
        if not payload["kind"]:
            await self._both.wait()  # passes only if all workers still work
            self.met += 1


def accepts(payload: dict[str, Any]) -> bool:
    error = made(payload)
    if error is not None:
        raise error
    return True


async def no_handler(payload: dict[str, Any], container: Any) -> None:
    """The handler behind a filter that raises."""


async def survives(backend: Backend, register: Callable[[BotRedisDispatcher], None], route: str) -> None:
    """Feed every kind to a route between two others, then good messages, and check the results."""
    siblings = Siblings()
    dispatcher = BotRedisDispatcher(retry=TWICE)
    dispatcher.setup(None)
    dispatcher.on_message("booked")(siblings.before)
    register(dispatcher)
    dispatcher.on_message("booked")(siblings.after)
    kinds = dict(enumerate(ALL))
    async with consuming(backend.storage(), dispatcher.process_message, concurrency=SLOTS):
        for number, kind in kinds.items():
            await backend.add(type="booked", kind=kind, n=str(number))
        for number in range(SLOTS):
            await backend.add(type="booked", kind="", n=f"good {number}")
        await eventually(lambda: siblings.met == SLOTS, "the good ones came together")
        await eventually(lambda: nothing_left(backend))
    letters = await backend.dead()
    assert Counter(letter.fields[b"kind"].decode() for letter in letters) == Counter(kinds.values())
    assert {letter.route for letter in letters} == {route}
    assert set(siblings.runs.values()) == {1}
    assert len(siblings.runs) == 2 * (len(kinds) + SLOTS)
    for letter in letters:
        assert 0 < len(letter.reason) <= REASON
        assert 0 < len(letter.error) <= ERROR
        assert 0 < len(letter.traceback) <= LONG


async def nothing_left(backend: Backend) -> bool:
    return not await backend.remains()


def registering(handler: Any) -> Callable[[BotRedisDispatcher], None]:
    return lambda dispatcher: dispatcher.on_message("booked")(handler) and None


def key(handler: Any) -> str:
    return str(getattr(handler, "route_key", f"{handler.__module__}.{handler.__qualname__}"))


@pytest.mark.parametrize("shape", SHAPES)
async def test_any_exception_of_a_handler_is_survived(shape: str, caplog: pytest.LogCaptureFixture) -> None:
    await survives(MemoryBackend(), registering(SHAPES[shape]), key(SHAPES[shape]))
    assert "stays pending" not in caplog.text
    assert max(map(len, caplog.messages)) <= LONG
    assert all(record.levelno <= logging.ERROR and not record.exc_info for record in caplog.records)


async def test_any_exception_of_a_filter_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    def register(dispatcher: BotRedisDispatcher) -> None:
        dispatcher.on_message("booked", accepts)(no_handler)

    await survives(MemoryBackend(), register, key(no_handler))
    assert "stays pending" not in caplog.text


@pytest.mark.parametrize("shape", ["written, later", "compiled, in a thread"])
async def test_any_exception_of_a_handler_is_survived_on_a_real_server(shape: str, redis_client: Any) -> None:
    await survives(RedisBackend(redis_client), registering(SHAPES[shape]), key(SHAPES[shape]))


@pytest.mark.parametrize("kind", FAILURES)
async def test_a_failing_custom_callback_stops_no_worker(kind: str) -> None:
    """Without a dispatcher the entry stays pending, and the next one is handled."""
    backend, handled = MemoryBackend(), asyncio.Event()
    make: Make = FAILURES[kind]
    bad = [0]

    async def callback(payload: dict[str, Any]) -> None:
        if payload["type"] == "good":
            handled.set()
            return
        bad[0] += 1
        raise make()

    async with consuming(backend.storage(), callback, concurrency=SLOTS):
        for _ in range(SLOTS + 1):
            await backend.add(type="bad")
        await eventually(lambda: bad[0] == SLOTS + 1)
        await backend.add(type="good")
        await eventually(handled.is_set)
    assert len(await backend.pending()) == SLOTS + 1


async def test_a_sync_handler_s_exception_keeps_no_frame_alive() -> None:
    """An exception that refers to itself through its traceback waits for the garbage collector."""
    import gc
    import weakref

    class OutOfStockError(Exception):
        pass

    seen: list[Any] = []

    def handler(payload: Any) -> None:
        error = OutOfStockError()
        seen.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    gc.disable()
    try:
        call = handler_call(handler, "shop.f", {})
        assert isinstance(call, HandlerCall)
        with pytest.raises(Exception, match="OutOfStock"):
            await route_handler(call, name="r", timeout=60, retry=TWICE)({}, None)
        await eventually(lambda: seen[0]() is None)
    finally:
        gc.enable()
    assert threading.current_thread() is threading.main_thread()
