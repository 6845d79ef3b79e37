"""Telling our own end from a handler's failure, when both arrive as a BaseException."""

from __future__ import annotations

import asyncio


def is_our_end(error: BaseException) -> bool:
    """Whether this is the end of the running task, and not something that its handler did.

    A cancellation counts only where the task was really cancelled: a handler may raise CancelledError,
    or await something that was cancelled elsewhere. GeneratorExit means that the coroutine is being
    closed. A handler's SystemExit or KeyboardInterrupt is its failure.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)
