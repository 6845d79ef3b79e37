"""The container: whatever the user's factory gives, handed to every handler."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any

from streamroute.errors import SetupError


@asynccontextmanager
async def open_container(factory: Callable[[], Any] | None, reference: str = "") -> AsyncIterator[Any]:
    """The container that ``factory`` makes, for as long as it is needed.

    A factory returns the container, an awaitable of it, or a context manager (asynchronous or not)
    whose value it is; a context manager is left again. Without a factory the container is None. Raises
    SetupError, with the factory's own error as its cause, when the container cannot be made; an error
    on leaving is the factory's own.
    """
    if factory is None:
        yield None
        return
    try:
        made = factory()
        if inspect.isawaitable(made):
            made = await made
        entered = await _enter(made)
    except Exception as error:
        raise SetupError(f"container {reference} failed: {type(error).__name__}: {error}") from error
    try:
        yield entered
    finally:
        if isinstance(made, AbstractAsyncContextManager):
            await made.__aexit__(None, None, None)
        elif isinstance(made, AbstractContextManager):
            made.__exit__(None, None, None)


async def _enter(made: Any) -> Any:
    if isinstance(made, AbstractAsyncContextManager):
        return await made.__aenter__()
    if isinstance(made, AbstractContextManager):
        return made.__enter__()
    return made
