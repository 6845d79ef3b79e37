"""A wrapped handler runs as its route declares, and fails in two ways only: Retry and Reject."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Any, Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.runtime.route_handler import RouteHandler, route_handler
from streamroute.compiler.runtime.timeouts import HandlerTimeout
from streamroute.errors import Reject, Retry
from streamroute.message import Message
from streamroute.values import RetryPolicy

POLICY = RetryPolicy(max_attempts=3, delay=10, multiplier=2, jitter=0)
WHERE: contextvars.ContextVar[str] = contextvars.ContextVar("where")


def wrap(
    handler: Any, *, timeout: float = 3600, retry: RetryPolicy = POLICY, **arguments: Any
) -> RouteHandler:
    call = handler_call(handler, "shop.f", arguments)
    assert isinstance(call, HandlerCall), call
    return route_handler(call, name="welcome-vip", timeout=timeout, retry=retry)


def recorder(calls: list[Any]) -> list[Callable[..., Any]]:
    """The same handler in every form that a route may name."""

    class Caller:
        async def __call__(self, payload: Any, container: Any) -> None:
            calls.append((payload, container))

        def method(self, payload: Any, container: Any) -> None:
            calls.append((payload, container))

    async def suspended(payload: Any, container: Any) -> None:
        await asyncio.sleep(0)
        calls.append((payload, container))

    async def by_name(payload: Any, *, container: Any) -> None:
        calls.append((payload, container))

    def sync(payload: Any, container: Any) -> None:
        calls.append((payload, container))

    @functools.wraps(suspended)
    def around_async(*args: Any) -> Any:
        return suspended(*args)

    partial = functools.partial(lambda note, payload, container: calls.append((payload, container)), "note")
    return [Caller(), Caller, Caller().method, suspended, by_name, sync, around_async, partial]


@pytest.mark.parametrize("index", range(8))
async def test_every_shape_of_handler_gets_the_payload_and_the_container(index: int) -> None:
    calls: list[Any] = []
    payload, container = {"type": "t"}, object()
    await wrap(recorder(calls)[index])(payload, container)
    assert calls == [(payload, container)]
    assert calls[0][0] is payload


async def test_a_handler_of_the_payload_alone_and_its_bound_arguments() -> None:
    calls: list[Any] = []

    async def handler(payload: Any, channel: str, limit: int = 3) -> None:
        calls.append((payload, channel, limit))

    await wrap(handler, channel="mail")({"type": "t"}, None)
    assert calls == [({"type": "t"}, "mail", 3)]


def test_the_wrapper_has_the_route_s_name_and_key() -> None:
    route = wrap(lambda payload: None)
    assert route.__name__ == "welcome-vip"
    assert vars(route)["route_key"] == "welcome-vip"
    assert vars(route)["formerly"] == ()


async def test_a_sync_handler_runs_in_a_thread_with_the_task_s_context() -> None:
    seen: list[Any] = []
    WHERE.set("here")

    def handler(payload: Any) -> None:
        seen.append((threading.current_thread() is threading.main_thread(), WHERE.get()))
        WHERE.set("changed in the thread")

    await wrap(handler)({}, None)
    assert seen == [(False, "here")]
    assert WHERE.get() == "here"


async def failure(handler: Any, payload: Any = None, **settings: Any) -> BaseException:
    with pytest.raises((Retry, Reject)) as caught:
        await wrap(handler, **settings)({} if payload is None else payload, None)
    return caught.value


def raising(error: BaseException, *, after: int = 0) -> Callable[[Any], Any]:
    async def handler(payload: Any) -> Never:
        for _ in range(after):
            await asyncio.sleep(0)
        raise error

    return handler


ANY_ERROR = [ValueError("no"), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()]


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("error", ANY_ERROR, ids=lambda error: type(error).__name__)
async def test_any_exception_of_a_handler_is_its_routes_failure(error: BaseException, after: int) -> None:
    found = await failure(raising(error, after=after))
    assert isinstance(found, Retry)
    assert found.delay == 10
    assert type(error).__name__ in str(found)


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(1), StopIteration(), asyncio.CancelledError()]
)
async def test_any_exception_of_a_sync_handler_is_a_failure(error: BaseException) -> None:
    def handler(payload: Any) -> Never:
        raise error

    found = await failure(handler)
    assert isinstance(found, Retry)
    assert found.__cause__ is not None


async def test_the_failure_keeps_its_cause_and_its_reason() -> None:
    error = ValueError("no such guest")
    found = await failure(raising(error))
    assert found.__cause__ is error
    assert str(found) == "ValueError: no such guest"


@given(st.integers(1, 6), st.integers(1, 6))
def test_the_last_attempt_is_rejected_and_every_other_retried_with_the_policy_s_delay(
    attempt: int, max_attempts: int
) -> None:
    policy = RetryPolicy(max_attempts=max_attempts, delay=1, multiplier=3, jitter=0)
    found = asyncio.run(failure(raising(ValueError("no")), Message({}, attempt=attempt), retry=policy))
    if attempt < max_attempts:
        assert isinstance(found, Retry)
        assert found.delay == policy.delay_after(attempt)
    else:
        assert isinstance(found, Reject)
        assert str(found) == f"failed after {attempt} attempt{'s' * (attempt > 1)}: ValueError: no"


async def test_a_handler_s_own_reject_passes_through() -> None:
    error = Reject("not ours")
    assert await failure(raising(error)) is error


async def test_a_handler_s_own_delay_passes_through() -> None:
    error = Retry(delay=77)
    assert await failure(raising(error)) is error


async def test_a_retry_without_a_delay_takes_the_policy_s() -> None:
    found = await failure(raising(Retry(reason="the office is closed")), Message({}, attempt=2))
    assert isinstance(found, Retry)
    assert (found.delay, str(found)) == (20, "the office is closed")


async def test_a_retry_past_the_last_attempt_is_a_reject() -> None:
    found = await failure(raising(Retry(delay=1, reason="the office is closed")), Message({}, attempt=3))
    assert isinstance(found, Reject)
    assert str(found) == "failed after 3 attempts: the office is closed"


@pytest.mark.parametrize("payload", [{}, {"attempt": 9}, Message({"attempt": 9})])
async def test_a_plain_payload_is_attempt_one_whatever_its_keys(payload: Any) -> None:
    found = await failure(raising(ValueError("no")), payload)
    assert isinstance(found, Retry)
    assert found.delay == 10


async def test_a_handler_that_never_returns_is_a_failure() -> None:
    async def handler(payload: Any) -> None:
        await asyncio.Event().wait()

    found = await failure(handler, timeout=0.001)
    assert isinstance(found, Retry)
    assert str(found) == "HandlerTimeout: the handler did not end within 1ms"
    assert isinstance(found.__cause__, HandlerTimeout)


async def test_a_sync_handler_that_never_returns_fails_and_blocks_no_other() -> None:
    release = threading.Event()

    def handler(payload: Any) -> None:
        release.wait()

    try:
        found = await failure(handler, timeout=0.001)
    finally:
        release.set()
    assert isinstance(found.__cause__, HandlerTimeout)


async def test_a_cancellation_from_outside_is_not_a_failure() -> None:
    started = asyncio.Event()

    async def handler(payload: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)

    running = asyncio.ensure_future(wrap(handler)({}, None))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_awaiting_something_that_was_cancelled_elsewhere_is_a_failure() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()

    async def handler(payload: Any) -> None:
        await future

    assert isinstance(await failure(handler), Retry)


async def test_a_handler_that_cancels_its_own_task_is_not_a_failure() -> None:
    async def handler(payload: Any) -> Never:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        raise asyncio.CancelledError

    running = asyncio.ensure_future(wrap(handler)({}, None))
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("takes", ["payload", "payload, container", "payload, *, container"])
async def test_lists_and_objects_of_its_arguments_are_its_own_in_each_call(
    is_async: bool, takes: str
) -> None:
    seen: list[Any] = []

    def changes(tags: list[Any], options: dict[str, Any]) -> None:
        seen.append((repr(tags), repr(options)))
        tags[0].append("changed")
        options["changed"] = True

    names: dict[str, Any] = {"changes": changes}
    word = "async def" if is_async else "def"
    star = "" if "*" in takes else "*, "
    exec(f"{word} handler({takes}, {star}tags, options, n): changes(tags, options)", names)  # noqa: S102 - its shapes
    stated: dict[str, Any] = {"tags": [[1]], "options": {"a": {}}, "n": 1}
    route = wrap(names["handler"], **stated)
    for _ in range(2):
        await route({"type": "t"}, None)
    assert seen == [("[[1]]", "{'a': {}}")] * 2
    assert stated == {"tags": [[1]], "options": {"a": {}}, "n": 1}
