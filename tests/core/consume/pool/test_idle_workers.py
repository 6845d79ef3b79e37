"""IdleWorkers: workers start when first needed, and are woken when entries are queued."""

from __future__ import annotations

import asyncio
import time
import weakref
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import turns
from streamroute.core.consume.pool.idle_workers import IdleWorkers
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


async def test_one_worker_is_woken_unless_one_will_run_anyway() -> None:
    started = [0]

    def start() -> None:
        started[0] += 1

    idle = IdleWorkers(5, start)
    idle.wake(0)
    assert started == [0], "there is nothing to do"
    idle.wake(9)
    idle.wake(9)
    assert started == [1], "the one that starts takes the entries"
    idle.begin()
    yielding = asyncio.ensure_future(idle.yield_to_loop())
    await asyncio.sleep(0)
    idle.wake(9)
    assert started == [1], "the one that continues takes the entries"
    await yielding
    idle.wake(9)
    assert started == [2]


async def test_two_more_are_woken_for_entries_that_no_other_will_take() -> None:
    started = [0]

    def start() -> None:
        started[0] += 1

    idle = IdleWorkers(5, start)
    idle.wake_more(1)
    assert started == [1]
    idle.wake_more(2)
    assert started == [2], "one takes the first, another the second"
    idle.wake_more(9)
    idle.wake_more(9)
    assert (started, idle.unstarted) == ([5], 0), "there are no others"


async def test_workers_whose_handlers_have_waited_go_on_in_the_same_iteration() -> None:
    """What one of them uses of the budget delays no other: each has let the event loop run."""
    proceed, started, turn = asyncio.Event(), dict[str, int](), [0]

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        started[entry_id] = turn[0]
        await proceed.wait()
        await asyncio.sleep(0)
        if int(entry_id) < 10:
            time.sleep(0.001)  # noqa: ASYNC251 - it computes, for longer than a budget
        else:
            await asyncio.Event().wait()

    async with opened(10, handle) as pool:
        pool.put(entries(*map(str, range(20))))
        await turns()
        assert len(started) == 10
        proceed.set()
        while len(started) < 20:
            await asyncio.sleep(0)
            turn[0] += 1
        assert len({started[str(number)] for number in range(10, 20)}) == 1


async def test_a_worker_without_an_entry_keeps_no_message_alive() -> None:
    class Payload(dict[str, Any]):
        """A payload that can be referred to weakly."""

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await asyncio.sleep(0)

    async with opened(1, handle) as pool:
        payload = Payload()
        kept = weakref.ref(payload)
        pool.put([("1", payload)])
        del payload
        await eventually(lambda: pool.free == 1)
        await turns()
        assert kept() is None
