"""Distinguish the cancellation of a task from a handler's failure: both arrive as a BaseException."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, cast


def is_own_cancellation(error: BaseException, task: asyncio.Task[Any] | None = None) -> bool:
    """Whether this ends the running task, and is not a failure of its handler.

    A cancellation counts only where the task was really cancelled: a handler may raise CancelledError,
    or await something that was cancelled elsewhere. A coroutine that is being closed gets GeneratorExit,
    and is not running in its task then; ``task`` is that task, where the caller knows it. A handler's own
    GeneratorExit, SystemExit or KeyboardInterrupt is its failure.
    """
    kind = type(error)  # isinstance() would run the code of the exception's class
    current = _current_task()
    if task is not None and current is not task:
        return True
    if issubclass(kind, asyncio.CancelledError):
        return current is not None and current.cancelling() > 0
    return issubclass(kind, GeneratorExit) and current is None


async def reraise_own_cancellation(error: BaseException) -> None:
    """Raise the exception again if it ends this task; return if it is a handler's failure."""
    if is_own_cancellation(error):
        raise error
    if issubclass(type(error), GeneratorExit):
        # The handler's own, or of a coroutine that is closed by the garbage collector while another task
        # runs: that one ends here, since it may wait for nothing.
        await asyncio.sleep(0)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # No loop runs: the interpreter or the loop is being shut down.
        return None


def uncloseable(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """The coroutine in a form that a task cannot close by throwing what it has awaited.

    A task throws an exception of what it awaits into its coroutine. Where that is GeneratorExit, Python
    closes all that runs in the coroutine: the handler, and everything that answers for its message. Here
    it arrives in the handler as a RuntimeError.
    """
    return cast("Coroutine[Any, Any, None]", _Uncloseable(coroutine))


class _Uncloseable:
    """What a task needs of a coroutine; other attributes (its frame, its name) are the coroutine's own."""

    __slots__ = ("_coroutine", "send")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self.send = coroutine.send  # as fast as without

    def throw(self, error: BaseException) -> Any:
        if issubclass(type(error), GeneratorExit):
            said = RuntimeError("what was awaited raised GeneratorExit")
            said.__cause__ = error
            error = said
        return self._coroutine.throw(error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, None, None]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)
