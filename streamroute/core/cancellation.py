"""Distinguish the cancellation of a task from a handler's failure: both are raised as a BaseException."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, cast


def is_own_cancellation(error: BaseException, task: asyncio.Task[Any] | None = None) -> bool:
    """Whether the exception ends the running task, rather than being a failure of its handler.

    A CancelledError counts only if the task was cancelled: a handler may raise CancelledError itself, or
    await something that was cancelled elsewhere. A coroutine that is being closed receives GeneratorExit
    outside its task; ``task`` is that task, if the caller knows it. A GeneratorExit, SystemExit or
    KeyboardInterrupt raised by a handler is a failure of the handler.
    """
    error_type = type(error)  # isinstance() would run the code of the exception's class
    current = _current_task()
    if task is not None and current is not task:
        return True
    if issubclass(error_type, asyncio.CancelledError):
        return current is not None and current.cancelling() > 0
    return issubclass(error_type, GeneratorExit) and current is None


async def reraise_own_cancellation(error: BaseException) -> None:
    """Reraise the exception if it ends this task; return if it is a handler's failure."""
    if is_own_cancellation(error):
        raise error
    if issubclass(type(error), GeneratorExit):
        # Raised by the handler, or because the garbage collector closes the coroutine while another task
        # runs: in that case awaiting ends the coroutine.
        await asyncio.sleep(0)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # No running loop: the interpreter or the loop is shutting down.
        return None


def uncloseable(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """Wrap a coroutine so that an awaited GeneratorExit does not close it.

    A task throws exceptions of what it awaits into its coroutine. A GeneratorExit would close the whole
    coroutine: the handler and the code that settles its message. The wrapper throws RuntimeError instead.
    """
    return cast("Coroutine[Any, Any, None]", _Uncloseable(coroutine))


class _Uncloseable:
    """The part of the coroutine interface that a task uses; other attributes are the coroutine's own."""

    __slots__ = ("_coroutine", "send")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self.send = coroutine.send  # as fast as without

    def throw(self, error: BaseException) -> Any:
        if issubclass(type(error), GeneratorExit):
            replacement = RuntimeError("the awaited object raised GeneratorExit")
            replacement.__cause__ = error
            error = replacement
        return self._coroutine.throw(error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, None, None]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)
