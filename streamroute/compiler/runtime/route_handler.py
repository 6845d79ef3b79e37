"""A route's handler: the user's function, wrapped with what its route declares.

The wrapper is a plain ``async (payload, container)`` that any dispatcher can run. It raises failures as
``Retry`` with the policy's delay or, when the attempts are used up, as ``Reject``. ``BotRedisDispatcher``
runs the part of it that raises failures as they are, and applies the policy itself.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from types import FunctionType, MethodType
from typing import Any, cast

from streamroute.compiler.resolve.call_signature import ContainerPassing, HandlerCall, innermost_function
from streamroute.compiler.runtime.timeouts import await_with_timeout
from streamroute.core.cancellation import reraise_own_cancellation
from streamroute.core.dispatch.outcomes import attempt_of
from streamroute.core.dispatch.retry_decision import decided
from streamroute.core.dispatch.routes import HandlerParts, HandlerSteps, set_parts
from streamroute.core.thread_call import ThreadCall
from streamroute.durations import RetryPolicy
from streamroute.message import unshared_copy

RouteHandler = Callable[[dict[str, Any], Any], Coroutine[Any, Any, Any]]
Call = Callable[[Mapping[str, Any], Any], Any]
Prepare = Callable[[dict[str, Any]], dict[str, Any]]
"""Prepares the handler's payload; raises Reject for a payload that would fail on every attempt."""


def route_handler(
    handler: HandlerCall,
    *,
    name: str,
    timeout: float,
    retry: RetryPolicy,
    prepare: Prepare | None = None,
    formerly: tuple[str, ...] = (),
) -> RouteHandler:
    """Wrap a handler for the route ``name``; ``timeout`` is in seconds.

    ``formerly`` are the route's former names; they become an attribute beside ``route_key``.
    """
    start = _starter(handler, prepare)
    is_direct = handler.is_async and handler.container is ContainerPassing.NOT and prepare is None
    direct = _function(handler) if is_direct else None

    async def run(payload: dict[str, Any], container: Any) -> None:
        # Hot path: call the direct handler without a function in between.
        coroutine = start(payload, container) if direct is None else direct(payload)
        try:
            first = coroutine.send(None)
        except StopIteration:
            # It finished without suspending: no timer is needed.
            return
        await await_with_timeout(coroutine, first, timeout, name)

    def begin_with(container: Any) -> Callable[[Any], Coroutine[Any, Any, Any]]:
        return direct if direct is not None else lambda payload: start(payload, container)

    def wait(coroutine: Coroutine[Any, Any, Any], first: Any) -> Coroutine[Any, Any, Any]:
        return await_with_timeout(coroutine, first, timeout, name)

    async def route(payload: dict[str, Any], container: Any) -> None:
        try:
            await run(payload, container)
        except BaseException as error:  # noqa: BLE001 - the end of this task is raised again
            await reraise_own_cancellation(error)
            raise decided(error, attempt_of(payload), retry)  # noqa: B904 - its cause is set

    run.__name__ = run.__qualname__ = name
    route.__name__ = route.__qualname__ = name
    vars(route)["route_key"] = name
    vars(route)["formerly"] = formerly
    steps = HandlerSteps(begin_with, wait) if _is_native_coroutine(handler) else None
    set_parts(route, HandlerParts(run, retry, steps))
    return route


def _function(handler: HandlerCall) -> Callable[..., Any]:
    """Bind the handler's arguments; lists and objects among them are copied for each call."""
    function, arguments = handler.function, handler.arguments
    changing = {name: value for name, value in arguments.items() if isinstance(value, (list, dict))}
    if not arguments or not changing:
        return functools.partial(function, **arguments) if arguments else function
    fixed = {name: value for name, value in arguments.items() if name not in changing}

    def call(*payload: Any, **container: Any) -> Any:
        return function(*payload, **container, **fixed, **unshared_copy(changing))

    return call


def _is_native_coroutine(handler: HandlerCall) -> bool:
    """Whether calling the handler returns a coroutine of Python's own, which a generator can await."""
    function = innermost_function(handler.function)
    if isinstance(function, MethodType):
        function = function.__func__
    return type(function) is FunctionType and bool(function.__code__.co_flags & inspect.CO_COROUTINE)


def _starter(handler: HandlerCall, prepare: Prepare | None) -> Call:
    call = _caller(handler)
    start = call if handler.is_async else functools.partial(_in_thread, call)
    return start if prepare is None else _prepared(prepare, start)


def _caller(handler: HandlerCall) -> Call:
    function = _function(handler)
    if handler.container is ContainerPassing.POSITION:
        return function
    if handler.container is ContainerPassing.NAME:
        return lambda payload, container: function(payload, container=container)
    return lambda payload, _container: function(payload)


def _prepared(prepare: Prepare, start: Call) -> Call:
    return lambda payload, container: start(prepare(cast("dict[str, Any]", payload)), container)


async def _in_thread(call: Call, payload: Mapping[str, Any], container: Any) -> None:
    """Run a sync handler in the loop's default executor, with this task's context variables.

    A thread cannot be stopped: after a timeout or a cancellation it continues, and occupies the pool.
    """
    context = contextvars.copy_context()
    outcome = await ThreadCall(
        functools.partial(context.run, _result_or_error, call, payload, container)
    ).result()
    result, error = outcome
    outcome.clear()  # break the cycle: future -> outcome -> exception -> frames -> future
    if error is not None:
        try:
            raise error
        finally:
            del error
    if _is_awaitable(result):
        # A plain function returned an awaitable: await it, too.
        await result


def _result_or_error(call: Call, payload: Mapping[str, Any], container: Any) -> list[Any]:
    """Return the handler's result and its exception.

    Exceptions do not pass through the future between thread and task: a future refuses StopIteration, and
    GeneratorExit would close every awaiting coroutine.
    """
    try:
        return [call(payload, container), None]
    except BaseException as error:  # noqa: BLE001 - raised again where the handler is awaited
        return [None, error]


def _is_awaitable(result: Any) -> bool:
    try:
        return inspect.isawaitable(result)
    except BaseException:  # noqa: BLE001 - a user's object may raise anything
        return False
