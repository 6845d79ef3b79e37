"""A container in a task of its own, which opens it and closes it while other tasks use it.

Some context managers must be exited by the task that entered them (task groups, cancel scopes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from streamroute.compiler.runtime.container import open_container
from streamroute.compiler.runtime.step_limit import LimitedSteps
from streamroute.core.cancellation import uncloseable
from streamroute.errors import SetupError

_CANCEL_TIMEOUT: Final = 2.0  # seconds that a cancelled factory has to end


class ContainerTask:
    """The container that ``factory`` makes; ``reference`` names the factory in errors.

    ``patience`` and ``blocking`` are limits in seconds: of the whole call, and of the time for which the
    user's code may block the event loop (None: no limit).
    """

    def __init__(self, factory: Callable[[], Any] | None, reference: str = "") -> None:
        self._factory = factory
        self._reference = reference
        self._steps: LimitedSteps | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def open(self, *, patience: float | None = None, blocking: float | None = None) -> Any:
        """Open the container and return it; None without a factory.

        Raises SetupError if it cannot be opened within the limits. Then, and after a cancellation, nothing is
        left open, except by a factory that ignores its cancellation.
        """
        if self._factory is None:
            return None
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._steps = LimitedSteps(uncloseable(self._live(opened)))
        self._steps.limit = blocking
        self._task = task = asyncio.create_task(self._steps.as_coroutine())
        try:
            await asyncio.wait([task, opened], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await self._cancel(task)
            raise
        if opened.done():
            return opened.result()
        if not task.done():
            await self._cancel(task)
            raise SetupError(f"container {self._reference} did not open within {patience:g} s")
        raise self._failure(task, "container")

    async def close(self, *, patience: float | None = None, blocking: float | None = None) -> None:
        """Close the container; does nothing if it is closed, or was not opened.

        Raises SetupError if it cannot be closed within the limits.
        """
        task, self._task = self._task, None
        if task is None or self._steps is None:
            return
        self._steps.limit = blocking
        self._closing.set()
        await asyncio.wait([task], timeout=patience)
        if not task.done():
            await self._cancel(task)
            raise SetupError(f"closing the container {self._reference} took more than {patience:g} s")
        if task.cancelled() or task.exception() is not None:
            raise self._failure(task, "closing the container")

    async def _live(self, opened: asyncio.Future[Any]) -> None:
        try:
            async with open_container(self._factory, self._reference) as container:
                opened.set_result(container)
                await self._closing.wait()
        except KeyboardInterrupt as error:  # raised by the user's code: it would end the event loop
            raise SetupError(f"container {self._reference} failed: KeyboardInterrupt") from error

    async def _cancel(self, task: asyncio.Task[None]) -> None:
        self._task = None
        task.cancel()
        await asyncio.wait([task], timeout=_CANCEL_TIMEOUT)
        if task.done() and not task.cancelled():
            task.exception()  # retrieved: the reason to cancel it is raised instead

    def _failure(self, task: asyncio.Task[None], what: str) -> BaseException:
        self._task = None
        error = None if task.cancelled() else task.exception()
        return error or SetupError(f"{what} {self._reference} failed: its task was cancelled")
