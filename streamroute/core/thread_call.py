"""Calls of plain functions in threads. A thread cannot be stopped: a cancelled call is recorded."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from types import FrameType
from typing import Any, Final
from weakref import WeakKeyDictionary

from streamroute.system.forked import exit_if_forked

ABANDONED_CALLS: Final[dict[asyncio.Task[Any], list[ThreadCall]]] = {}
"""Calls that keep running after they were cancelled, by the task that awaited them."""

EXECUTORS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Executor]] = WeakKeyDictionary()
"""The executors for calls, by event loop; without one, calls run in the loop's default executor."""

TASK_OF_THREAD: Final[dict[int, asyncio.Task[Any] | None]] = {}
"""The task for which a thread runs a call, by the thread's id."""


class ThreadCall:
    """One call of ``function``, which must not raise, in the event loop's executor for such calls."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._begun = threading.Lock()  # taken by the starting thread or the cancelling task, never both
        self._thread: int | None = None
        self._running: asyncio.Future[Any] | None = None
        self._task: asyncio.Task[Any] | None = None

    async def result(self) -> Any:
        """Return the function's result. On cancellation, a call that has begun is recorded as abandoned."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self._running = running = loop.run_in_executor(EXECUTORS.get(loop), self._run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if self._begun.acquire(blocking=False):
                running.cancel()
            elif not running.done():
                self._abandon(running)
            raise

    def frames(self) -> Iterator[FrameType]:
        """Yield the frames of the running function, innermost first; none if it is not running."""
        frame = sys._current_frames().get(self._thread or 0)  # noqa: SLF001 - documented, and the only way
        while frame is not None and frame.f_code is not self._run.__code__:
            yield frame
            frame = frame.f_back

    def _run(self) -> Any:
        if not self._begun.acquire(blocking=False):
            return None
        self._thread = thread = threading.get_ident()
        TASK_OF_THREAD[thread] = self._task
        try:
            return self._function()
        finally:
            self._thread = None
            TASK_OF_THREAD.pop(thread, None)
            exit_if_forked()

    def _abandon(self, running: asyncio.Future[Any]) -> None:
        task = asyncio.current_task()
        if task is not None:
            ABANDONED_CALLS.setdefault(task, []).append(self)
            running.add_done_callback(lambda _: self._forget(task))

    def _forget(self, task: asyncio.Task[Any]) -> None:
        calls = ABANDONED_CALLS[task]
        calls.remove(self)
        if not calls:
            del ABANDONED_CALLS[task]

    @staticmethod
    async def all_ended(calls: Sequence[ThreadCall]) -> None:
        """Wait until all calls have ended."""
        await asyncio.wait([call._running for call in calls if call._running is not None])  # noqa: SLF001 - its own
