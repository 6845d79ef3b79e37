"""WorkerPool: the order of entries, dropped entries, and workers that survive errors."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.core.cancellation import is_own_cancellation
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from streamroute.core.consume.pool.worker_pool import WorkerPool
from worker_pools import entries, holding, opened


async def test_claimed_entries_go_before_queued_ones_in_their_own_order() -> None:
    proceed, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await proceed.wait()

    async with opened(1, handle) as pool:
        pool.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        pool.put(entries("2", "3"))
        pool.put(entries("a", "b"), first=True)
        proceed.set()
        await eventually(lambda: seen == ["1", "a", "b", "2", "3"])


async def test_later_claims_run_after_earlier_ones() -> None:
    """A worker that stopped cleanly releases more than one claim takes: the entries run in their order."""
    turns, seen = asyncio.Semaphore(0), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await turns.acquire()

    async with opened(1, handle) as pool:
        pool.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        pool.put(entries("2"))
        pool.put(entries("a", "b", "c"), first=True)
        turns.release()
        await eventually(lambda: seen == ["1", "a"])
        pool.put(entries("d", "e"), first=True)
        pool.put(entries("3"))
        for _ in range(6):
            turns.release()
        await eventually(lambda: len(seen) == 8)
        pool.put(entries("4"))
        pool.put(entries("f"), first=True)
    assert seen == ["1", "a", "b", "c", "d", "e", "2", "3"]
    assert list(pool.clear()) == ["f", "4"]


async def test_a_dropped_handler_is_cancelled_and_its_worker_is_as_good_as_new() -> None:
    """A CancelledError that a handler later raises by itself still counts as its failure."""
    never, started, judged = asyncio.Event(), asyncio.Event(), []

    async def run(entry_id: str) -> None:
        if entry_id == "1":
            started.set()
            await never.wait()
        raise asyncio.CancelledError

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        try:
            await run(entry_id)
        except BaseException as error:
            judged.append((entry_id, is_own_cancellation(error)))
            if is_own_cancellation(error):
                raise

    async with opened(1, handle) as pool:
        pool.put(entries("1", "2", "3"))
        await started.wait()
        pool.drop("1")
        pool.drop("1")
        pool.drop("2")
        await eventually(lambda: len(judged) == 2)
    assert judged == [("1", True), ("3", False)]


async def test_handlers_that_never_wait_let_the_event_loop_turn() -> None:
    """A queue of CPU-bound handlers does not delay acknowledgements, reads and signals."""
    turns, seen = [0], list[int]()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        time.sleep(0.002)  # noqa: ASYNC251 - it computes, for longer than a budget
        seen.append(turns[0])

    async def turn() -> None:
        while len(seen) < 5:
            turns[0] += 1
            await asyncio.sleep(0)

    async with opened(1, handle) as pool:
        pool.put(entries("1", "2", "3", "4", "5"))
        await within_patience(turn())
    assert len(set(seen)) >= 4  # the first two may begin in one iteration


async def test_a_cancellation_that_a_handler_leaves_behind_costs_no_worker() -> None:
    """It arrives at the worker's next await, which is no longer the handler's."""
    seen = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id == "1":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    async with opened(1, handle) as pool:
        pool.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        pool.put(entries("2"))
        await eventually(lambda: seen == ["1", "2"])


async def test_a_callback_that_raises_costs_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    """Callbacks must not raise, but a dead worker would handle nothing."""
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    def done(entry_id: str, payload: dict[str, Any]) -> None:
        if entry_id != "good":
            raise RuntimeError("an observer's mistake")

    pool = WorkerPool(2, handle, done=done)
    pool.open()
    pool.put(entries("1", "2", "3", "good"))
    await eventually(lambda: "good" in seen)
    assert "a worker failed" in caplog.text
    await within_patience(pool.close(grace=0))


async def test_ended_handlers_are_done_or_failed(caplog: pytest.LogCaptureFixture) -> None:
    async with holding(2) as held:
        held.errors["2"] = RuntimeError("oops")
        held.pool.put(entries("1", "2", "3"))
        held.released("1", "2", "3")
        await eventually(lambda: held.done == ["1", "3"])
        assert held.failed == [("2", "RuntimeError")]
        assert (held.pool.running, held.pool.free, held.pool.started) == (0, 2, 3)
    assert caplog.messages == [], "no worker has failed"


async def test_a_dropped_entry_is_not_done_and_its_worker_is_free() -> None:
    """A cancelled handler that still ends well has ended too late."""
    async with holding(1) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1", "2", "3", "4"))
        await eventually(lambda: held.started == ["1"])
        held.pool.drop("3")
        held.pool.drop("1")
        await turns()
        held.released("1", "2", "4")
        await eventually(lambda: held.done == ["2", "4"])
        assert (held.started, held.failed) == (["1", "2", "4"], [])
        assert not any(task.cancelling() for task in held.pool._workers.tasks())


async def test_only_the_entry_that_was_dropped_is_cancelled() -> None:
    async with holding(3) as held:
        held.pool.put(entries("1", "2", "3"))
        await eventually(lambda: len(held.started) == 3)
        held.pool.drop("2")
        held.pool.drop("unknown")
        await eventually(lambda: held.failed == [("2", "CancelledError")])
        assert held.pool.running == 2


async def test_it_can_be_reopened() -> None:
    async with holding(2) as held:
        held.released("1", "3")
        held.pool.put(entries("1"))
        await eventually(lambda: held.done == ["1"])
        await within_patience(held.pool.close(grace=1))
        held.pool.open()
        assert (held.pool.free, held.pool.running) == (2, 0)
        held.pool.put(entries("3", "4", "5"))
        await eventually(lambda: held.done == ["1", "3"])
        await eventually(lambda: held.started == ["1", "3", "4", "5"])


async def test_waiting_entries_include_those_that_wait_for_their_key() -> None:
    async with holding(1, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.pool.put([("1", {"key": "a"}), ("2", {"key": "b"}), ("3", {"key": "a"})])
        await eventually(lambda: held.started == ["1"])
        assert list(held.pool.waiting()) == ["2", "3"]
        assert set(held.pool.clear()) == {"2", "3"}
        assert list(held.pool.waiting()) == []


async def test_claimed_entries_go_before_queued_ones_even_before_the_first_start() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2"))
        held.pool.put(entries("a"), first=True)
        for name in ("a", "1", "2"):
            held.released(name)
        await eventually(lambda: len(held.done) == 3)
        assert held.started == ["a", "1", "2"]


async def test_an_entry_that_waited_for_its_key_counts_as_started_once() -> None:
    async with holding(3, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.pool.put([(name, {"key": "a"}) for name in "123"])
        await eventually(lambda: held.pool.started == 1)
        held.released("1")
        await eventually(lambda: held.started == ["1", "2"])
        assert held.pool.started == 2
        held.pool.pause()
        held.pool.put_exclusive([("4", {"key": "b"})])
        held.released("2", "3", "4")
        held.pool.resume()
        await eventually(lambda: len(held.done) == 4)
        assert held.pool.started == 4


async def test_the_reader_continues_before_its_entries_are_handled() -> None:
    """Otherwise handlers that never wait would keep the reader from reading more."""
    turn, seen = [0], list[int]()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(turn[0])

    async with opened(1, handle) as pool:
        pool.put(entries("first"))
        await eventually(lambda: seen)
        await turns()
        pool.put(entries("1", "2", "3"))
        while len(seen) < 4:
            turn[0] += 1
            await asyncio.sleep(0)
    assert seen[1] < seen[2], "one at a time, until the loop has turned"


async def test_a_pause_for_the_event_loop_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    LoopClock(monkeypatch)
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        time.sleep(0.001)  # noqa: ASYNC251 - it computes, for longer than a budget
        seen.append(entry_id)

    async with opened(1, handle) as pool:
        pool.put(entries("1", "2", "3", "4", "5"))
        await turns()
        assert len(seen) == 5
