"""The container: made by any kind of factory, closed again, and blamed where it fails."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from misbehaving import ALL
from streamroute.compiler.runtime.container import open_container
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class Factories:
    """One factory of each kind; notes when what it made is closed."""

    def __init__(self) -> None:
        self.closed = False

    def plain(self) -> str:
        return "made"

    async def asynchronous(self) -> str:
        await asyncio.sleep(0)
        return "made"

    @contextmanager
    def manager(self) -> Iterator[str]:
        yield "made"
        self.closed = True

    @asynccontextmanager
    async def async_manager(self) -> AsyncIterator[str]:
        yield "made"
        self.closed = True

    async def asynchronous_manager(self) -> Any:
        """An async factory whose value is a context manager."""
        return self.async_manager()


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
async def test_a_factory_s_value_is_the_container(kind: str) -> None:
    async with open_container(getattr(Factories(), kind)) as container:
        assert container == "made"


@pytest.mark.parametrize("kind", ["manager", "async_manager", "asynchronous_manager"])
async def test_a_context_manager_is_entered_and_left(kind: str) -> None:
    factories = Factories()
    async with open_container(getattr(factories, kind)) as container:
        assert (container, factories.closed) == ("made", False)
    assert factories.closed


async def test_a_container_is_closed_after_a_failure() -> None:
    factories = Factories()
    with pytest.raises(KeyError):
        async with open_container(factories.async_manager):
            raise KeyError
    assert factories.closed


async def test_the_container_is_none_without_a_factory() -> None:
    async with open_container(None) as container:
        assert container is None


def refusing(error: BaseException) -> Callable[[], Any]:
    def factory() -> Any:
        raise error

    return factory


@pytest.mark.parametrize(
    "error", [ValueError("no DSN"), SystemExit("no DSN"), GeneratorExit("no DSN"), BaseException("no DSN")]
)
async def test_a_factory_that_raises_is_named(error: BaseException) -> None:
    with pytest.raises(SetupError, match=r"^container shop\.build failed: \w+: no DSN$") as failed:
        async with open_container(refusing(error), "shop.build"):
            pytest.fail("there is no container")
    assert failed.value.__cause__ is error


@pytest.mark.parametrize("kind", ALL)
async def test_any_exception_of_a_factory_is_reported_in_one_line(kind: str) -> None:
    if kind == "KeyboardInterrupt":  # the command is ended
        with pytest.raises(KeyboardInterrupt):
            await open_container(refusing(ALL[kind]()), "shop.build").__aenter__()
        return
    with pytest.raises(SetupError) as failed:
        async with open_container(refusing(ALL[kind]()), "shop.build"):
            pytest.fail("there is no container")
    [line] = str(failed.value).splitlines()
    assert line.startswith("container shop.build failed: ")
    assert len(line) <= 5_000


async def test_a_container_that_cannot_be_closed_is_named() -> None:
    @asynccontextmanager
    async def factory() -> AsyncIterator[None]:
        yield
        raise ValueError("the pool is gone")

    with pytest.raises(SetupError, match=r"^closing the container shop\.build failed: ValueError: the pool"):
        async with open_container(factory, "shop.build"):
            pass


async def test_a_cancellation_is_not_a_failure_of_the_container() -> None:
    made = asyncio.Event()

    async def factory() -> None:
        made.set()
        await asyncio.Event().wait()

    async def opened() -> None:
        async with open_container(factory, "shop.build"):
            pytest.fail("there is no container")

    opening = asyncio.create_task(opened())
    await made.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_an_unrequested_cancellation_is_a_failure_of_the_container() -> None:
    async def factory() -> None:
        raise asyncio.CancelledError

    with pytest.raises(SetupError, match=r"^container shop\.build failed: CancelledError$"):
        async with open_container(factory, "shop.build"):
            pytest.fail("there is no container")


async def test_a_container_that_is_left_with_a_cancellation_is_named() -> None:
    @asynccontextmanager
    async def factory() -> AsyncIterator[None]:
        yield
        raise asyncio.CancelledError("gone")

    with pytest.raises(SetupError, match=r"^closing the container shop\.build failed: CancelledError: gone$"):
        async with open_container(factory, "shop.build"):
            pass
