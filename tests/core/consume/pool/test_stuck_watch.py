"""StuckWatch: handlers that keep running after their cancellation."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from streamroute.core.consume.pool.worker_pool import WorkerPool
from worker_pools import entries, holding


def watched_clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    """Return a clock of the event loop that the watch reads as well."""
    clock = LoopClock(monkeypatch)
    monkeypatch.setattr(
        "streamroute.core.consume.pool.stuck_watch.monotonic", asyncio.get_running_loop().time
    )
    return clock


async def test_a_handler_that_ignores_its_cancellation_is_stuck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its worker is lost until it ends, its result does not count, and entries behind its key proceed."""
    released, ended, reported, done, seen = asyncio.Event(), asyncio.Event(), [], [], []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        while entry_id == "uncancellable" and not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                caplog.clear()
        ended.set()

    pool = WorkerPool(
        2,
        handle,
        KeyedQueue(lambda payload: payload["key"]),
        done=lambda entry_id, payload: done.append(entry_id),
        stuck=lambda entry_id, payload, worker: reported.append((entry_id, worker)),
        stuck_after=0.02,
    )
    pool.open()
    pool.put([("uncancellable", {"key": "a"}), ("2", {"key": "a"})])
    await eventually(lambda: seen == ["uncancellable"])
    assert pool.stuck == 0
    [worker] = [one for one in pool._workers if one.entry is not None]
    assert worker.task is not None
    worker.task.cancel()
    await eventually(lambda: reported)
    assert reported == [("uncancellable", worker)]
    await eventually(lambda: done == ["2"])
    assert (pool.stuck, pool.running) == (1, 1)
    await within_patience(pool.wait_idle())  # it is no longer waited for
    released.set()
    await eventually(lambda: pool.stuck == 0)
    pool.put([("3", {"key": "a"}), ("4", {"key": "b"})])
    await eventually(lambda: sorted(done) == ["2", "3", "4"])
    await within_patience(pool.close(grace=0))
    assert len(reported) == 1


async def test_queued_entries_are_given_back_when_every_worker_is_stuck() -> None:
    given_back: list[dict[str, Any]] = []
    tasks: list[asyncio.Task[Any] | None] = []
    go_on = asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        tasks.append(asyncio.current_task())
        while not go_on.is_set():
            with suppress(asyncio.CancelledError):
                await go_on.wait()

    pool = WorkerPool(1, handle, give_back=given_back.append, stuck_after=0.01)
    pool.open()
    pool.put(entries("1", "2", "3"))
    await eventually(lambda: len(tasks) == 1)
    assert tasks[0] is not None
    tasks[0].cancel()
    await eventually(lambda: [list(queued) for queued in given_back] == [["2", "3"]])
    assert pool.queued == 0
    go_on.set()
    await within_patience(pool.close(grace=1))
    assert len(tasks) == 1


async def test_a_handler_that_ends_soon_after_its_cancellation_is_not_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = watched_clock(monkeypatch)
    reported: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(500)

    pool = WorkerPool(1, handle, stuck=lambda entry_id, *_: reported.append(entry_id), stuck_after=600)
    pool.open()
    for n in range(5):
        pool.put(entries(str(n)))
        await eventually(lambda: pool.running == 1)
        pool.drop(str(n))
        await turns()
        await clock.advance(310)  # the check runs every 300 seconds
        assert pool.running == 1
        await clock.advance(200)
        assert pool.running == 0
    await within_patience(pool.close(grace=0))
    assert reported == []


async def test_a_stuck_handler_that_ends_gives_its_worker_back_as_good_as_new() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: held.started == ["1"])
        held.task("1").cancel()
        await eventually(lambda: held.reported == ["1"])
        held.released("1", "2")
        await eventually(lambda: held.done == ["2"])
        assert (held.pool.free, held.pool.stuck, held.failed) == (1, 0, [])


async def test_a_handler_that_is_not_cancelled_may_take_any_time() -> None:
    async with holding(1, stuck_after=0.002) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        await asyncio.sleep(0.03)
        assert held.reported == []


async def test_each_entry_has_the_whole_time_to_end_after_its_cancellation() -> None:
    """Time used by the entry before it in the same worker does not count."""
    async with holding(1, stuck_after=30) as held:
        held.uncancellable = {"1", "2"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: held.started == ["1"])
        held.pool.drop("1")
        now = time.monotonic()
        [worker] = held.pool._workers
        held.pool._watch.check(worker, now)
        held.pool._watch.check(worker, now + 29)
        held.released("1")
        await eventually(lambda: held.started == ["1", "2"])
        held.pool.drop("2")
        held.pool._watch.check(worker, now + 31)
        assert held.reported == []
        held.pool._watch.check(worker, now + 31 + 29)
        assert held.reported == []
        held.pool._watch.check(worker, now + 31 + 30)
        assert held.reported == ["2"]
        held.pool._watch.check(worker, now + 99)
        assert held.reported == ["2"]


async def test_a_worker_recovers_when_its_stuck_handler_ends() -> None:
    """However often it was cancelled: the next handler there may take any time, and is waited for."""
    async with holding(1, stuck_after=0.01, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.uncancellable = {"1"}
        held.pool.put([("1", {"key": "a"}), ("2", {"key": "b"}), ("3", {"key": "b"})])
        await eventually(lambda: held.started == ["1"])
        held.pool.drop("1")
        await eventually(lambda: held.reported == ["1"])
        held.task("1").cancel()
        held.released("1")
        await eventually(lambda: held.started == ["1", "2"])
        idle = asyncio.create_task(held.pool.wait_idle())
        await asyncio.sleep(0.05)
        assert (held.reported, held.failed, idle.done()) == (["1"], [], False)
        held.released("2", "3")
        await eventually(lambda: held.done == ["2", "3"])
        await within_patience(idle)


async def test_waiting_for_the_others_ignores_stuck_handlers() -> None:
    async with holding(2, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: len(held.started) == 2)
        held.task("1").cancel()
        await eventually(lambda: held.reported == ["1"])
        idle = asyncio.create_task(held.pool.wait_idle())
        await turns()
        assert not idle.done()
        held.released("2")
        await within_patience(idle)


async def test_a_stuck_handler_that_ends_frees_no_key_of_its_entry_s_next_delivery() -> None:
    """The entry was given up and redelivered; entries with its key wait for the newer run."""
    old, new, started = asyncio.Event(), asyncio.Event(), list[str]()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        started.append(f"{entry_id} of delivery {payload['delivery']}")
        event = old if payload["delivery"] == 1 else new
        while not event.is_set():
            try:
                await event.wait()
            except asyncio.CancelledError:
                continue

    reported: list[str] = []
    order = KeyedQueue(lambda payload: payload["key"])
    pool = WorkerPool(
        3, handle, order, stuck=lambda entry_id, payload, worker: reported.append(entry_id), stuck_after=0.01
    )
    pool.open()
    pool.put([("1", {"key": "a", "delivery": 1})])
    await eventually(lambda: pool.running == 1)
    pool.drop("1")
    await eventually(lambda: reported)
    pool.put([("1", {"key": "a", "delivery": 2}), ("2", {"key": "a", "delivery": 2})])
    await eventually(lambda: pool.running == 2)
    old.set()
    await eventually(lambda: pool.running == 1)
    await turns()
    assert started == ["1 of delivery 1", "1 of delivery 2"]
    new.set()
    await eventually(lambda: len(started) == 3)
    await within_patience(pool.close(grace=1))


async def test_a_handler_cancelled_again_has_the_full_time_again() -> None:
    """A handler may revoke a cancellation, as a timeout does."""
    async with holding(1, stuck_after=10) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        task, now = held.task("1"), time.monotonic()
        [worker] = held.pool._workers
        task.cancel()
        held.pool._watch.check(worker, now)
        task.uncancel()
        held.pool._watch.check(worker, now + 5)
        task.cancel()
        held.pool._watch.check(worker, now + 9)
        held.pool._watch.check(worker, now + 12)
        assert held.reported == []
        held.pool._watch.check(worker, now + 19)
        assert held.reported == ["1"]


async def test_stuck_handlers_are_checked_only_while_any_handler_runs() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.released("1")
        held.pool.put(entries("1"))
        await eventually(lambda: held.done == ["1"])
        await eventually(lambda: held.pool._watch.timer is None)
        held.uncancellable = {"2"}
        held.pool.put(entries("2"))
        await eventually(lambda: held.started == ["1", "2"])
        held.task("2").cancel()
        await eventually(lambda: held.reported == ["2"])


async def test_by_default_a_handler_is_stuck_after_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = watched_clock(monkeypatch)
    async with holding(1) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.task("1").cancel()
        for seconds in (3.4, 1.7, 3.4, 1.7, 3.3):  # the check runs every five seconds
            await clock.advance(seconds)
            assert held.reported == []
        await clock.advance(1.8)
        assert held.reported == ["1"]


async def test_a_handler_that_is_stuck_is_cancelled_once_more() -> None:
    """It may have missed the first cancellation; its worker then becomes free."""
    missed: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            missed.append(entry_id)
        await asyncio.Event().wait()

    pool = WorkerPool(1, handle, stuck_after=0.01)
    pool.open()
    pool.put(entries("1"))
    await eventually(lambda: pool.running == 1)
    pool.drop("1")
    await eventually(lambda: missed == ["1"])
    await eventually(lambda: (pool.running, pool.stuck, pool.free) == (0, 0, 1))
    await within_patience(pool.close(grace=0))


async def test_waiting_for_the_others_ends_when_the_last_one_is_stuck() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        idle = asyncio.create_task(held.pool.wait_idle())
        await turns()
        assert not idle.done()
        held.task("1").cancel()
        await within_patience(idle)
        assert held.reported == ["1"]
