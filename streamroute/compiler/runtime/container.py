"""The container: the object that the user's factory makes, passed to every handler."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

from streamroute.core.cancellation import is_own_cancellation
from streamroute.errors import SetupError
from streamroute.outages import one_line
from streamroute.system.forked import ExitForkedChild, consuming

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_container(factory: Callable[[], Any] | None, reference: str = "") -> AsyncIterator[Any]:
    """Open the container that ``factory`` makes, and close it at the end.

    The factory returns the container, an awaitable of it, or a sync or async context manager, which is exited
    at the end. Without a factory the container is None. Raises SetupError, with the factory's own error as
    its cause, if the container cannot be opened or closed.
    """
    if factory is None:
        yield None
        return
    with consuming(asyncio.get_running_loop()):
        with _as_setup_error(f"container {reference}"), ExitForkedChild():
            instance = factory()
            if inspect.isawaitable(instance):
                instance = await instance
            entered = await _enter(instance)
        try:
            yield entered
        finally:
            with _as_setup_error(f"closing the container {reference}"), ExitForkedChild():
                await _leave(instance)


@contextmanager
def _as_setup_error(what: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if issubclass(type(error), KeyboardInterrupt) or is_own_cancellation(error):
            raise  # interrupted or cancelled, not failed
        log.debug("%s failed", what, exc_info=True)
        raise SetupError(f"{what} failed: {one_line(error)}") from error


async def _enter(instance: Any) -> Any:
    if isinstance(instance, AbstractAsyncContextManager):
        return await instance.__aenter__()
    if isinstance(instance, AbstractContextManager):
        return instance.__enter__()
    return instance


async def _leave(instance: Any) -> None:
    if isinstance(instance, AbstractAsyncContextManager):
        await instance.__aexit__(None, None, None)
    elif isinstance(instance, AbstractContextManager):
        instance.__exit__(None, None, None)
