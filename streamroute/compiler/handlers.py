"""A route's handler: the user's function, wrapped in what its route declares.

The wrapper is a plain ``async (payload, container)`` that any dispatcher of the seed's API can run. A
failure leaves it as ``Retry`` with the policy's delay or, when the attempts are spent, as ``Reject``.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NoReturn, cast

from streamroute.compiler.signatures import CallShape, ContainerBy
from streamroute.compiler.timeouts import finish
from streamroute.core.cancellation import is_our_end
from streamroute.errors import Reject, Retry
from streamroute.policies import RetryPolicy

RouteHandler = Callable[[dict[str, Any], Any], Coroutine[Any, Any, Any]]
Call = Callable[[Mapping[str, Any], Any], Any]
Prepare = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes what the handler gets of the payload; raises Reject for a payload that no run will accept."""


def route_handler(
    shape: CallShape,
    *,
    name: str,
    timeout: float,
    retry: RetryPolicy,
    prepare: Prepare | None = None,
    formerly: tuple[str, ...] = (),
) -> RouteHandler:
    """Wrap a handler for the route ``name``; ``timeout`` is in seconds.

    ``formerly`` are the names that the route had before; they become an attribute beside ``route_key``.
    """
    call = _caller(shape)
    start = call if shape.is_async else functools.partial(_in_thread, call)
    if prepare is not None:
        start = _prepared(prepare, start)

    async def route(payload: dict[str, Any], container: Any) -> None:
        try:
            coroutine = start(payload, container)
            first = coroutine.send(None)
        except StopIteration:
            # It ended without waiting for anything: done, and no timer was needed.
            return
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and is_our_end(error):
                raise
            _fail(error, payload, retry)
        try:
            await finish(coroutine, first, timeout, name)
        except BaseException as error:
            if is_our_end(error):
                raise
            _fail(error, payload, retry)

    route.__name__ = route.__qualname__ = name
    vars(route)["route_key"] = name
    vars(route)["formerly"] = formerly
    return route


def _caller(shape: CallShape) -> Call:
    function = functools.partial(shape.function, **shape.arguments) if shape.arguments else shape.function
    if shape.container is ContainerBy.POSITION:
        return function
    if shape.container is ContainerBy.NAME:
        return lambda payload, container: function(payload, container=container)
    return lambda payload, _container: function(payload)


def _prepared(prepare: Prepare, start: Call) -> Call:
    return lambda payload, container: start(prepare(cast("dict[str, Any]", payload)), container)


async def _in_thread(call: Call, payload: Mapping[str, Any], container: Any) -> None:
    """Run a sync handler in the loop's default executor, with this task's context variables.

    A thread cannot be stopped: after a timeout or a cancellation it runs on, and nobody waits for it.
    """
    context = contextvars.copy_context()
    run = functools.partial(context.run, _without_stop_iteration, call, payload, container)
    result = await asyncio.get_running_loop().run_in_executor(None, run)
    if inspect.isawaitable(result):
        # A plain function around an async one: what it returned is still to be run.
        await result


def _without_stop_iteration(call: Call, payload: Mapping[str, Any], container: Any) -> Any:
    try:
        return call(payload, container)
    except StopIteration as error:
        # A future refuses it, and its awaiter would wait for ever.
        raise RuntimeError("the handler raised StopIteration") from error


def _fail(error: BaseException, payload: Mapping[str, Any], retry: RetryPolicy) -> NoReturn:
    """Raise what this failure means: its own Reject or Retry, or what the retry policy says."""
    if isinstance(error, Reject):
        raise error
    attempt: int = getattr(payload, "attempt", 1)
    if attempt >= retry.max_attempts:
        plural = "" if attempt == 1 else "s"
        raise Reject(f"failed after {attempt} attempt{plural}: {_said(error)}") from error
    if isinstance(error, Retry):
        if error.delay is not None:
            raise error
        raise Retry(retry.delay_after(attempt), str(error)) from error
    raise Retry(retry.delay_after(attempt), _said(error)) from error


def _said(error: BaseException) -> str:
    if isinstance(error, Retry):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
