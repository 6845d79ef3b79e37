"""A plain function in a thread. It cannot be stopped: after a cancellation it runs on, and is recorded."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final

from streamroute.system.forked import exit_if_forked

ABANDONED_CALLS: Final[dict[asyncio.Task[Any], list[ThreadCall]]] = {}
"""Calls that run on although they were cancelled, by the task that awaited them; none that has ended."""


class ThreadCall:
    """One call of ``function`` in the event loop's default executor; it must not raise."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._begun = threading.Lock()  # of the thread that begins, or of who cancels: never of both
        self._thread: int | None = None
        self._running: asyncio.Future[Any] | None = None

    async def result(self) -> Any:
        """What the function returns. Where this is cancelled, a function that has begun is left behind."""
        self._running = running = asyncio.get_running_loop().run_in_executor(None, self._run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if self._begun.acquire(blocking=False):
                running.cancel()
            elif not running.done():
                self._abandon(running)
            raise

    def frames(self) -> Iterator[FrameType]:
        """The frames that the function is in, the innermost first; none where it does not run."""
        frame = sys._current_frames().get(self._thread or 0)  # noqa: SLF001 - documented, and the only way
        while frame is not None and frame.f_code is not self._run.__code__:
            yield frame
            frame = frame.f_back

    def _run(self) -> Any:
        if not self._begun.acquire(blocking=False):
            return None
        self._thread = threading.get_ident()
        try:
            return self._function()
        finally:
            self._thread = None
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
        """Wait until none of these runs any more."""
        await asyncio.wait([call._running for call in calls if call._running is not None])  # noqa: SLF001 - its own
