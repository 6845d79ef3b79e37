"""Lifecycle: what runs once, from a start to a stop, in a task of its own.

Any task may start it and another one may stop it, as web frameworks do. A caller that is cancelled never
leaves it half started or half stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from streamroute.errors import SetupError

log = logging.getLogger(__name__)

_CANCEL_TIMEOUT: Final = 1.0  # seconds for a cancelled task to end


class Lifecycle:
    """Enters the context of ``running`` at the start, and exits it at the stop.

    ``stop_seconds`` returns how long the exit may take; what has not ended then is left alone.
    """

    def __init__(
        self, running: Callable[[], AbstractAsyncContextManager[Any]], stop_seconds: Callable[[], float]
    ) -> None:
        self._running = running
        self._stop_seconds = stop_seconds
        self._stopping = asyncio.Event()
        self._started = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has started, and nothing has asked it to stop."""
        is_alive = self._task is not None and not self._task.done()
        return is_alive and self._started.is_set() and not self._stopping.is_set()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, or has stopped."""
        return self._stopping.is_set() or (self._task is not None and self._task.done())

    def request_stop(self) -> None:
        """Ask it to stop; it cannot start again."""
        self._stopping.set()

    async def start(self) -> None:
        """Start, or wait for the start that is under way; do nothing if it runs.

        A caller that is cancelled takes back the start. Raises SetupError if it was stopped, and the error of
        a start that failed.
        """
        if self.is_stopping:
            raise SetupError("this application was stopped; open the configuration again to run it")
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="streamroute application")
        started = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait([started, self._task], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._take_back(self._task)
            raise
        finally:
            started.cancel()
        if self._task.cancelled():
            raise SetupError("this application was stopped while it started")
        if not self._started.is_set():
            self._task.result()

    async def stopping(self) -> None:
        """Wait until something asks it to stop, or it has ended."""
        if self._task is None:
            await self._stopping.wait()
            return
        asked = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([asked, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()

    async def stop(self) -> None:
        """Stop, and wait for the end, also in a caller that is cancelled meanwhile. Raises its error."""
        self._stopping.set()
        if self._task is not None:
            await self._wait_for(self._task)
            _raise_error_of(self._task)

    async def _run(self) -> None:
        async with self._running():
            self._started.set()
            await self._stopping.wait()

    async def _take_back(self, task: asyncio.Task[None]) -> None:
        self._stopping.set()
        if not self._started.is_set():
            task.cancel()
        await self._wait_for(task)

    async def _wait_for(self, task: asyncio.Task[None]) -> None:
        """Wait until a task has ended or its time is up; a cancellation is raised after that."""
        cancellation: asyncio.CancelledError | None = None
        seconds = self._stop_seconds()
        deadline = asyncio.get_running_loop().time() + seconds
        while not task.done() and (left := deadline - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.wait([task], timeout=left)
            except asyncio.CancelledError as error:
                cancellation = error
        if not task.done():
            log.error("not stopped after %g s; unfinished entries stay pending", seconds)
            task.cancel()
            await asyncio.wait([task], timeout=_CANCEL_TIMEOUT)
        if cancellation is not None:
            raise cancellation


def _raise_error_of(task: asyncio.Task[None]) -> None:
    if task.done() and not task.cancelled():
        task.result()
