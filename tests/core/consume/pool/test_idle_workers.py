"""IdleWorkers: workers start when first needed, and are woken when entries are queued."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import turns
from streamroute.core.consume.pool.worker_pool import WorkerPool
from worker_pools import entries, holding, opened


async def test_all_workers_fill_when_handlers_wait() -> None:
    """Few are woken at a time, and still no worker stays idle while something is queued."""
    running = [0]

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        running[0] += 1
        await asyncio.Event().wait()

    async with opened(100, handle) as pool:
        await asyncio.sleep(0)
        pool.put(entries(*(str(n) for n in range(150))))
        await eventually(lambda: running == [100])
        assert (pool.free, pool.queued, pool.started) == (0, 50, 100)


async def test_a_worker_is_started_when_it_is_needed_first() -> None:
    proceed = asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await proceed.wait()

    before = len(asyncio.all_tasks())
    async with opened(1000, handle) as pool:
        assert (len(asyncio.all_tasks()) - before, pool.free) == (0, 1000)
        pool.put(entries("1", "2", "3"))
        await eventually(lambda: pool.running == 3)
        assert len(asyncio.all_tasks()) - before <= 4
        assert pool.free == 997
        proceed.set()
        await eventually(lambda: pool.free == 1000)


async def test_a_worker_that_is_woken_and_has_not_begun_is_free() -> None:
    async with holding(2) as held:
        held.released("1")
        held.pool.put(entries("1"))
        await eventually(lambda: held.done == ["1"])
        await turns()
        assert held.pool.free == 2
        held.pool.put(entries("2"))
        assert (held.pool.free, held.pool.queued) == (2, 1)
        await eventually(lambda: held.started == ["1", "2"])
        assert held.pool.free == 1


@pytest.mark.parametrize("end", ["cancels itself", "done raises"])
async def test_a_worker_that_was_replaced_is_one_worker(end: str) -> None:
    """The number of concurrent handlers is unchanged."""
    proceed, running, most = asyncio.Event(), [0], [0]

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        if entry_id == "bad":
            task = asyncio.current_task()
            assert task is not None
            if end == "cancels itself":
                task.cancel()
            return
        running[0] += 1
        most[0] = max(most[0], running[0])
        await proceed.wait()
        running[0] -= 1

    def done(entry_id: str, payload: dict[str, Any]) -> None:
        if (entry_id, end) == ("bad", "done raises"):
            raise RuntimeError("an observer's mistake")

    pool = WorkerPool(2, handle, done=done)
    pool.open()
    for _ in range(3):
        pool.put(entries("bad"))
        await turns()
        assert pool.free == 2
    pool.put(entries(*map(str, range(9))))
    await turns()
    assert (running, pool.free, pool.queued) == ([2], 0, 7)
    proceed.set()
    await eventually(lambda: not pool.queued and not pool.running)
    assert most == [2]
    await within_patience(pool.close(grace=1))


async def test_a_worker_that_was_cancelled_while_it_had_nothing_to_do_is_woken_no_more() -> None:
    """Otherwise a queued entry would wait although another worker is free."""
    async with holding(2) as held:
        held.released("1")
        held.pool.put(entries("1"))
        await eventually(lambda: held.done == ["1"])
        await turns()
        [task] = held.pool._workers.tasks()
        task.cancel()
        await turns()
        held.pool.put(entries("2"))
        await eventually(lambda: held.started == ["1", "2"])
        held.pool.put(entries("3"))
        await turns()
        assert held.started == ["1", "2", "3"]
