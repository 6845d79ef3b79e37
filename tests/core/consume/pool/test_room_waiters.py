"""RoomWaiters: readers continue when the queue is short enough."""

from __future__ import annotations

import asyncio
from typing import Any

from consuming import eventually, within_patience
from loop_clock import turns
from streamroute.core.consume.pool.worker_pool import WorkerPool
from worker_pools import entries, holding, opened


async def test_all_waiters_for_room_are_released() -> None:
    """The reader and the claimer wait at the same time, each for its own capacity."""
    proceed = asyncio.Semaphore(0)

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await proceed.acquire()

    async with opened(1, handle) as pool:
        pool.put(entries(*(str(n) for n in range(10))))
        await asyncio.sleep(0)
        small, large = asyncio.create_task(pool.room(3)), asyncio.create_task(pool.room(6))
        await asyncio.sleep(0)
        for _ in range(4):
            proceed.release()
        await within_patience(large)
        assert not small.done()
        for _ in range(3):
            proceed.release()
        await within_patience(small)


async def test_a_close_ends_the_wait_for_room() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2", "3"))
        waiting = asyncio.create_task(held.pool.room(1))
        await turns()
        assert not waiting.done()
        closing = asyncio.create_task(held.pool.close(grace=20))
        await within_patience(waiting)
        held.released("1", "2", "3")
        await within_patience(closing)
        await within_patience(held.pool.room(0))  # nor does any waiter remain


async def test_a_wait_for_capacity_returns_with_less_than_requested() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2", "3"))
        await eventually(lambda: held.started == ["1"])
        await within_patience(held.pool.room(3))
        waiting = asyncio.create_task(held.pool.room(2))
        await turns()
        assert not waiting.done()
        held.released("1")
        await within_patience(waiting)


async def test_there_is_no_capacity_while_all_workers_are_stuck() -> None:
    async with holding(2, stuck_after=0.01) as held:
        held.uncancellable = {"1", "2"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: len(held.started) == 2)
        held.task("1").cancel()
        await eventually(lambda: held.reported == ["1"])
        assert (held.pool.stuck, held.pool.all_stuck) == (1, False)
        await within_patience(held.pool.room(1))
        held.task("2").cancel()
        await eventually(lambda: held.reported == ["1", "2"])
        assert (held.pool.stuck, held.pool.all_stuck) == (2, True)
        waiting = asyncio.create_task(held.pool.room(1))
        await turns()
        assert not waiting.done()
        held.released("2")
        await within_patience(waiting)
        assert (held.pool.stuck, held.done) == (1, [])


async def test_a_waiting_reader_continues_before_the_rest_is_handled() -> None:
    """The handlers have work while the server looks for more."""
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    async def read(pool: WorkerPool) -> None:
        await pool.room(3)
        seen.append("reader")

    async with opened(1, handle) as pool:
        pool.put(entries("1", "2", "3", "4", "5"))
        reading = asyncio.create_task(read(pool))
        await within_patience(reading)
        await eventually(lambda: len(seen) == 6)
    assert seen == ["1", "2", "3", "reader", "4", "5"]
