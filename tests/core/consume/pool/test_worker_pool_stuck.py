"""A worker pool whose tasks are all stuck holds no entry that another worker could handle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from consuming import GROUP, STREAM, eventually, processor, within_patience
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.consume.pool.worker_pool import WorkerPool
from streamroute.core.processor import RedisStreamProcessor

Callback = Callable[[dict[str, Any]], Awaitable[None]]


class Stubborn:
    """A handler that ignores its cancellation until ``let_go`` is set."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self.done: list[str] = []

    async def __call__(self, payload: dict[str, Any]) -> None:
        if payload["n"] != "stubborn":
            self.done.append(payload["n"])
            return
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                continue


@pytest.fixture
def storage() -> MemoryStreamStorage:
    return MemoryStreamStorage(block=0.02, lease=60)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a handler count as stuck at once."""
    defaults = WorkerPool.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "stuck_after", 0.02)


def started(storage: MemoryStreamStorage, callback: Callback, **settings: Any) -> RedisStreamProcessor:
    return processor(storage, callback, lease=60, grace=0.01, **settings)


async def are_stuck(worker: RedisStreamProcessor, handler: Stubborn, count: int) -> None:
    """Wait until this many handlers run, cancel them, and wait until they count as stuck."""
    await eventually(lambda: len(handler.tasks) == count)
    for task in handler.tasks:
        task.cancel()
    await eventually(lambda: worker.stuck == count)


async def test_entries_queued_behind_stuck_workers_go_to_another_worker(
    storage: MemoryStreamStorage, impatient: None
) -> None:
    """Although the lease lasts long: entries queued before, and entries of a later read."""
    handler, other = Stubborn(), Stubborn()
    await storage.create_group(STREAM, GROUP)
    worker = started(storage, handler, concurrency=2)
    await within_patience(worker.start_listening())
    for name in ("stubborn", "stubborn", "queued"):
        storage.add(STREAM, {"type": "booked", "n": name})
    await are_stuck(worker, handler, 2)
    storage.add(STREAM, {"type": "booked", "n": "after"})

    second = started(storage, other, concurrency=1)
    await within_patience(second.start_listening())
    await eventually(lambda: sorted(other.done) == ["after", "queued"])
    handler.released.set()
    await within_patience(second.stop_listening())
    await within_patience(worker.stop_listening())
    assert handler.done == []


async def test_a_worker_continues_as_soon_as_a_stuck_handler_ends(
    storage: MemoryStreamStorage, impatient: None
) -> None:
    handler = Stubborn()
    await storage.create_group(STREAM, GROUP)
    worker = started(storage, handler, concurrency=1)
    await within_patience(worker.start_listening())
    storage.add(STREAM, {"type": "booked", "n": "stubborn"})
    await are_stuck(worker, handler, 1)
    storage.add(STREAM, {"type": "booked", "n": "after"})
    handler.released.set()
    await eventually(lambda: handler.done == ["after"])
    await within_patience(worker.stop_listening())
