"""A container lives in a task of its own, and is opened and closed within limits."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from streamroute.compiler.runtime.container_task import ContainerTask
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def others() -> set[Any]:
    """Return the tasks beside this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_one_task_opens_and_closes_the_container() -> None:
    tasks: list[Any] = []

    @asynccontextmanager
    async def factory() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield "made"
        tasks.append(asyncio.current_task())

    container = ContainerTask(factory)
    assert await container.open() == "made"
    await asyncio.create_task(container.close())
    await container.close()
    assert len(tasks) == 2
    assert tasks[0] is tasks[1] is not asyncio.current_task()
    assert not others()


async def test_there_is_no_task_without_a_factory() -> None:
    container = ContainerTask(None)
    assert await container.open() is None
    assert not others()
    await container.close()


async def test_a_factory_that_hangs_is_cancelled() -> None:
    async def factory() -> None:
        await asyncio.Event().wait()

    with pytest.raises(SetupError, match=r"^container shop\.build did not open within 0\.01 s$"):
        await ContainerTask(factory, "shop.build").open(patience=0.01)
    assert not others()


@pytest.mark.parametrize("kind", ["factory", "coroutine", "manager"])
async def test_a_factory_that_blocks_the_event_loop_is_interrupted(kind: str) -> None:
    def factory() -> None:
        time.sleep(60)

    async def coroutine() -> None:
        time.sleep(60)  # noqa: ASYNC251 - it blocks the event loop

    @contextmanager
    def manager() -> Iterator[None]:
        time.sleep(60)
        yield

    container = ContainerTask({"factory": factory, "coroutine": coroutine, "manager": manager}[kind], "a.b")
    blocked = "container a.b failed: LoopBlockedError: it blocked the event loop for 0.01 s"
    with pytest.raises(SetupError) as refused:
        await container.open(blocking=0.01)
    assert str(refused.value) == blocked
    assert not others()


async def test_a_cancelled_opening_leaves_nothing_open() -> None:
    states: list[str] = []

    @asynccontextmanager
    async def factory() -> AsyncIterator[None]:
        states.append("opening")
        try:
            await asyncio.Event().wait()
            yield
        finally:
            states.append("closed")

    opening = asyncio.create_task(ContainerTask(factory).open())
    await eventually(lambda: states)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert states == ["opening", "closed"]
    assert not others()


async def test_a_container_that_does_not_close_is_cancelled() -> None:
    @asynccontextmanager
    async def factory() -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    container = ContainerTask(factory, "a.b")
    await container.open()
    with pytest.raises(SetupError, match=r"^closing the container a\.b took more than 0\.01 s$"):
        await container.close(patience=0.01)
    assert not others()


async def test_a_container_that_blocks_while_it_closes_is_interrupted() -> None:
    @contextmanager
    def factory() -> Iterator[None]:
        yield
        time.sleep(60)

    container = ContainerTask(factory, "a.b")
    await container.open()
    with pytest.raises(SetupError, match=r"^closing the container a\.b failed: LoopBlockedError: "):
        await container.close(blocking=0.01)


async def test_a_container_that_fails_to_close_is_named() -> None:
    @contextmanager
    def factory() -> Iterator[None]:
        yield
        raise OSError("gone")

    container = ContainerTask(factory, "a.b")
    await container.open()
    with pytest.raises(SetupError, match=r"^closing the container a\.b failed: OSError: gone$"):
        await container.close()
    await container.close()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_no_exception_of_a_factory_ends_the_event_loop(error: BaseException) -> None:
    async def factory() -> None:
        raise error

    with pytest.raises(SetupError, match=rf"^container a\.b failed: {type(error).__name__}"):
        await ContainerTask(factory, "a.b").open()


async def test_a_container_whose_task_was_cancelled_is_named() -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    async def factory() -> str:
        tasks.append(asyncio.current_task())
        return "made"

    container = ContainerTask(factory, "a.b")
    await container.open()
    assert tasks[0] is not None
    tasks[0].cancel()
    with pytest.raises(SetupError, match=r"^closing the container a\.b failed: its task was cancelled$"):
        await container.close()
