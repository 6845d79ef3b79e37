"""The stack of a handler that does not end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

from consuming import within_patience
from streamroute.compiler.resolve.call_signature import ContainerPassing, HandlerCall
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.cancellation import uncloseable
from streamroute.core.stack_traces import task_stack
from streamroute.durations import RetryPolicy


async def inner(never: asyncio.Event) -> None:
    await never.wait()


async def outer(never: asyncio.Event) -> None:
    await inner(never)


async def stack_in(task: asyncio.Task[None]) -> str:
    await asyncio.sleep(0.001)
    stack = task_stack(task)
    task.cancel()
    await asyncio.wait([task])
    return stack


async def test_each_coroutine_that_waits_is_named_with_its_line() -> None:
    stack = await stack_in(asyncio.create_task(outer(asyncio.Event())))
    *_, second, first = stack.split(", in ")
    assert first.startswith("outer at ")
    assert second.startswith("inner at ")
    assert all(__file__ in place for place in (first, second))
    assert "\n" not in stack


async def test_a_wrapped_coroutine_is_looked_into() -> None:
    stack = await stack_in(asyncio.create_task(uncloseable(outer(asyncio.Event()))))
    assert "inner at " in stack


async def test_a_handler_that_has_swallowed_its_timeout_is_looked_into() -> None:
    swallowed = asyncio.Event()

    async def stubborn(payload: Any) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        swallowed.set()
        await asyncio.Event().wait()

    call = HandlerCall(stubborn, ContainerPassing.NOT, is_async=True)
    route = route_handler(call, name="charge", timeout=0.01, retry=RetryPolicy())
    task = asyncio.ensure_future(route({"type": "t"}, None))
    await within_patience(swallowed.wait())
    stack = await stack_in(cast("asyncio.Task[None]", task))
    assert "stubborn at " in stack
    assert "charge at " in stack


async def test_a_stack_of_any_depth_is_bounded() -> None:
    async def deeper(depth: int) -> None:
        await (deeper(depth - 1) if depth else asyncio.Event().wait())

    assert len((await stack_in(asyncio.create_task(deeper(200)))).split(", in ")) == 50


def test_without_a_task_there_is_no_stack() -> None:
    assert task_stack(None) == "not known"


async def test_asynchronous_generators_are_looked_into() -> None:
    async def numbers() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 1

    async def count() -> None:
        async for _ in numbers():
            pass

    stack = await stack_in(asyncio.create_task(count()))
    assert "count at " in stack


async def test_the_line_at_which_it_waits_is_named() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)
        await asyncio.Event().wait()

    first = waits.__code__.co_firstlineno
    stack = await stack_in(asyncio.create_task(waits()))
    assert f"waits at {__file__}:{first + 2}" in stack


async def test_an_ended_task_has_no_stack() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    assert task_stack(task) == "not known"
