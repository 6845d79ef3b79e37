"""Worker pools with recorded handlers, which run until the test releases them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from consuming import within_patience
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from streamroute.core.consume.pool.worker_pool import Entry, WorkerPool


@asynccontextmanager
async def opened(
    concurrency: int,
    handle: Callable[[str, dict[str, Any]], Awaitable[None]],
    order: KeyedQueue | None = None,
) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(concurrency, handle, order)
    pool.open()
    try:
        yield pool
    finally:
        await within_patience(pool.close(grace=0))


def entries(*names: str) -> list[Entry]:
    return [(name, {}) for name in names]


class Held:
    """Handlers that run until released one by one, and a record of the callbacks."""

    def __init__(self, concurrency: int, **settings: Any) -> None:
        self.started: list[str] = []
        self.done: list[str] = []
        self.failed: list[tuple[str, str]] = []
        self.reported: list[str] = []
        self.errors: dict[str, BaseException] = {}
        self._released: dict[str, asyncio.Event] = {}
        self.uncancellable: set[str] = set()
        self.pool = WorkerPool(
            concurrency,
            self._handle,
            settings.pop("order", None),
            done=lambda entry_id, payload: self.done.append(entry_id),
            failed=lambda entry_id, payload, error: self.failed.append((entry_id, type(error).__name__)),
            stuck=lambda entry_id, payload, worker: self.reported.append(entry_id),
            **settings,
        )

    def released(self, *names: str) -> None:
        """Let these handlers end."""
        for name in names:
            self._event(name).set()

    def task(self, name: str) -> asyncio.Task[None]:
        """Return the task that runs an entry."""
        [worker] = [one for one in self.pool._workers if one.entry is not None and one.entry[0] == name]
        assert worker.task is not None
        return worker.task

    def _event(self, name: str) -> asyncio.Event:
        return self._released.setdefault(name, asyncio.Event())

    async def _handle(self, entry_id: str, payload: dict[str, Any]) -> None:
        self.started.append(entry_id)
        while not self._event(entry_id).is_set():
            try:
                await self._event(entry_id).wait()
            except asyncio.CancelledError:
                if entry_id not in self.uncancellable:
                    raise
        if entry_id in self.errors:
            raise self.errors[entry_id]


@asynccontextmanager
async def holding(concurrency: int, **settings: Any) -> AsyncIterator[Held]:
    held = Held(concurrency, **settings)
    held.pool.open()
    try:
        yield held
    finally:
        held.released(*map(str, range(100)))
        await within_patience(held.pool.close(grace=0))
