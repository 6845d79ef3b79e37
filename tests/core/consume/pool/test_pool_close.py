"""WorkerPool: what a close waits for, and what it cuts off."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.core.consume.pool.worker_pool import WorkerPool
from worker_pools import entries, holding


async def test_a_handler_that_ignores_its_cancellation_does_not_hold_up_the_close() -> None:
    proceed, started = asyncio.Event(), asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        started.set()
        while not proceed.is_set():
            try:
                await proceed.wait()
            except asyncio.CancelledError:
                logging.getLogger("uncancellable").info("what?")

    pool = WorkerPool(1, handle, last_patience=0.01)
    pool.open()
    pool.put(entries("1"))
    await started.wait()
    assert await within_patience(pool.close(grace=0)) == {"1": {}}
    proceed.set()
    assert pool.uncancellable == 1
    await asyncio.sleep(0)


async def test_close_lets_running_entries_finish_and_drops_the_rest() -> None:
    async with holding(2) as held:
        held.pool.put([("1", {"n": 1}), ("2", {"n": 2}), ("3", {"n": 3})])
        await eventually(lambda: len(held.started) == 2)
        assert held.pool.clear() == {"3": {"n": 3}}
        closing = asyncio.create_task(held.pool.close(grace=0.02))
        held.released("1")
        assert await within_patience(closing) == {"2": {"n": 2}}
        assert held.done == ["1"]
        assert (held.pool.uncancellable, held.pool.running, held.pool._watch.timer) == (0, 0, None)


async def test_entries_queued_at_a_close_run_within_the_grace() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2"))
        held.released("1", "2")
        assert await within_patience(held.pool.close(grace=20)) == {}
        assert held.done == ["1", "2"]


async def test_a_handler_that_was_cancelled_has_five_seconds_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = LoopClock(monkeypatch)
    async with holding(1) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        closing = asyncio.create_task(held.pool.close(grace=0))
        await turns()
        await clock.advance(4.2)
        assert not closing.done()
        await clock.advance(1.3)
        assert closing.done()
        assert (await closing, held.pool.uncancellable) == ({"1": {}}, 1)


async def test_a_handler_that_outlives_a_close_reports_and_takes_nothing() -> None:
    """Its entry was released, and a surplus worker would run after reopening."""
    async with holding(1, last_patience=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        task = held.task("1")
        await within_patience(held.pool.close(grace=0))
        assert (held.pool.uncancellable, held.pool.running) == (1, 0)
        held.pool.open()
        assert (held.pool.free, held.pool.uncancellable) == (1, 0)
        held.pool.put(entries("2", "3"))
        await eventually(lambda: held.started == ["1", "2"])
        held.released("1")
        await asyncio.wait([task])
        await turns()
        assert (held.started, held.done, held.failed) == (["1", "2"], [], [])
        held.released("2", "3")
        await eventually(lambda: held.done == ["2", "3"])


async def test_a_close_that_finds_no_worker_finds_no_stuck_handler() -> None:
    async with holding(1) as held:
        await within_patience(held.pool.close(grace=0))
        assert held.pool.uncancellable == 0


async def test_a_close_does_not_wait_for_workers_that_have_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    LoopClock(monkeypatch)
    async with holding(2) as held:
        held.released("1", "2")
        held.pool.put(entries("1", "2"))
        await eventually(lambda: len(held.done) == 2)
        closing = asyncio.create_task(held.pool.close(grace=600))
        await turns()
        assert closing.done()


async def test_a_closed_pool_is_not_referenced_by_the_loop() -> None:
    """No timer of the event loop refers to it any more."""

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    seen: list[str] = []
    pool = WorkerPool(1, handle)
    pool.open()
    pool.put(entries("1"))
    await eventually(lambda: seen)
    await within_patience(pool.close(grace=0))
    kept = weakref.ref(pool)
    del pool
    await turns()
    gc.collect()
    assert kept() is None
