"""WorkerPool: a bounded queue, a fixed number of workers, and workers that survive errors."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.core.cancellation import is_own_cancellation
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


async def test_claimed_entries_go_before_queued_ones_in_their_own_order() -> None:
    go_on, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await go_on.wait()

    async with opened(1, handle) as pool:
        pool.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        pool.put(entries("2", "3"))
        pool.put(entries("a", "b"), first=True)
        go_on.set()
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


async def test_everyone_who_waits_for_room_gets_it() -> None:
    """The reader and the claimer wait at the same time, each for its own capacity."""
    go_on = asyncio.Semaphore(0)

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await go_on.acquire()

    async with opened(1, handle) as pool:
        pool.put(entries(*(str(n) for n in range(10))))
        await asyncio.sleep(0)
        small, large = asyncio.create_task(pool.room(3)), asyncio.create_task(pool.room(6))
        await asyncio.sleep(0)
        for _ in range(4):
            go_on.release()
        await within_patience(large)
        assert not small.done()
        for _ in range(3):
            go_on.release()
        await within_patience(small)


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


async def test_a_handler_that_ignores_its_cancellation_does_not_hold_up_the_close() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        started.set()
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                logging.getLogger("uncancellable").info("what?")

    pool = WorkerPool(1, handle, last_patience=0.01)
    pool.open()
    pool.put(entries("1"))
    await started.wait()
    assert await within_patience(pool.close(grace=0)) == {"1": {}}
    go_on.set()
    assert pool.uncancellable == 1
    await asyncio.sleep(0)


async def test_a_paused_pool_starts_nothing_until_resumed() -> None:
    go_on, alone, seen = asyncio.Event(), asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await (alone if entry_id == "alone" else go_on).wait()

    async with opened(3, handle) as pool:
        pool.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        pool.pause()
        pool.put(entries("2"))
        waiting = asyncio.create_task(pool.wait_idle())
        await asyncio.sleep(0)
        go_on.set()
        await within_patience(waiting)
        pool.put_exclusive(entries("alone"))
        await eventually(lambda: seen == ["1", "alone"])
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == ["1", "alone"]
        alone.set()
        await within_patience(pool.wait_idle())
        pool.resume()
        await eventually(lambda: seen == ["1", "alone", "2"])


async def test_an_unstarted_exclusive_entry_goes_first_after_the_pause() -> None:
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    async with opened(1, handle) as pool:
        pool.pause()
        pool.put(entries("1"))
        pool.put_exclusive(entries("alone"))
        pool.resume()
        await eventually(lambda: seen == ["alone", "1"])


async def test_an_exclusive_entry_has_its_key_before_queued_ones() -> None:
    """It is older; entries with its key wait for its end, and others do not."""
    go_on, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id == "alone":
            await go_on.wait()

    def key_of(payload: dict[str, Any]) -> str:
        return str(payload["key"])

    async with opened(2, handle, KeyedQueue(key_of)) as pool:
        pool.pause()
        pool.put([("1", {"key": "a"}), ("2", {"key": "a"}), ("3", {"key": "b"})])
        pool.put_exclusive([("alone", {"key": "a"})])
        await eventually(lambda: seen == ["alone"])
        pool.resume()
        await eventually(lambda: seen == ["alone", "3"])
        pool.put([("4", {"key": "a"})])
        go_on.set()
        await eventually(lambda: seen == ["alone", "3", "1", "2", "4"])


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
    go_on = asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await go_on.wait()

    before = len(asyncio.all_tasks())
    async with opened(1000, handle) as pool:
        assert (len(asyncio.all_tasks()) - before, pool.free) == (0, 1000)
        pool.put(entries("1", "2", "3"))
        await eventually(lambda: pool.running == 3)
        assert len(asyncio.all_tasks()) - before <= 4
        assert pool.free == 997
        go_on.set()
        await eventually(lambda: pool.free == 1000)


async def test_a_handler_that_goes_on_after_it_was_cancelled_is_stuck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its worker is lost until it ends, its result does not count, and entries behind its key proceed."""
    let_go, ended, told, done, seen = asyncio.Event(), asyncio.Event(), [], [], []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        while entry_id == "uncancellable" and not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                caplog.clear()
        ended.set()

    pool = WorkerPool(
        2,
        handle,
        KeyedQueue(lambda payload: payload["key"]),
        done=lambda entry_id, payload: done.append(entry_id),
        stuck=lambda entry_id, payload, worker: told.append((entry_id, worker)),
        stuck_after=0.02,
    )
    pool.open()
    pool.put([("uncancellable", {"key": "a"}), ("2", {"key": "a"})])
    await eventually(lambda: seen == ["uncancellable"])
    assert pool.stuck == 0
    [worker] = [one for one in pool._workers if one.entry is not None]
    assert worker.task is not None
    worker.task.cancel()
    await eventually(lambda: told)
    assert told == [("uncancellable", worker)]
    await eventually(lambda: done == ["2"])
    assert (pool.stuck, pool.running) == (1, 1)
    await within_patience(pool.wait_idle())  # it is no longer waited for
    let_go.set()
    await eventually(lambda: pool.stuck == 0)
    pool.put([("3", {"key": "a"}), ("4", {"key": "b"})])
    await eventually(lambda: sorted(done) == ["2", "3", "4"])
    await within_patience(pool.close(grace=0))
    assert len(told) == 1


async def test_a_handler_that_ends_soon_after_its_cancellation_is_not_stuck() -> None:
    told: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await asyncio.sleep(600)

    pool = WorkerPool(1, handle, stuck=lambda entry_id, *_: told.append(entry_id), stuck_after=0.02)
    pool.open()
    for n in range(5):
        pool.put(entries(str(n)))
        await eventually(lambda: pool.running == 1)
        pool.drop(str(n))
        await eventually(lambda: pool.running == 0)
    await asyncio.sleep(0.05)
    await within_patience(pool.close(grace=0))
    assert told == []


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


class Held:
    """Handlers that run until released one by one, and a record of the callbacks."""

    def __init__(self, concurrency: int, **settings: Any) -> None:
        self.started: list[str] = []
        self.done: list[str] = []
        self.failed: list[tuple[str, str]] = []
        self.told: list[str] = []
        self.errors: dict[str, BaseException] = {}
        self._released: dict[str, asyncio.Event] = {}
        self.uncancellable: set[str] = set()
        self.pool = WorkerPool(
            concurrency,
            self._handle,
            settings.pop("order", None),
            done=lambda entry_id, payload: self.done.append(entry_id),
            failed=lambda entry_id, payload, error: self.failed.append((entry_id, type(error).__name__)),
            stuck=lambda entry_id, payload, worker: self.told.append(entry_id),
            **settings,
        )

    def let_go(self, *names: str) -> None:
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
        held.let_go(*map(str, range(100)))
        await within_patience(held.pool.close(grace=0))


async def test_ended_handlers_are_done_or_failed(caplog: pytest.LogCaptureFixture) -> None:
    async with holding(2) as held:
        held.errors["2"] = RuntimeError("oops")
        held.pool.put(entries("1", "2", "3"))
        held.let_go("1", "2", "3")
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
        held.let_go("1", "2", "4")
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


async def test_a_close_lets_what_runs_end_and_cuts_off_the_rest() -> None:
    async with holding(2) as held:
        held.pool.put([("1", {"n": 1}), ("2", {"n": 2}), ("3", {"n": 3})])
        await eventually(lambda: len(held.started) == 2)
        assert held.pool.clear() == {"3": {"n": 3}}
        closing = asyncio.create_task(held.pool.close(grace=0.02))
        held.let_go("1")
        assert await within_patience(closing) == {"2": {"n": 2}}
        assert held.done == ["1"]
        assert (held.pool.uncancellable, held.pool.running, held.pool._watch.timer) == (0, 0, None)


async def test_entries_queued_at_a_close_run_within_the_grace() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2"))
        held.let_go("1", "2")
        assert await within_patience(held.pool.close(grace=20)) == {}
        assert held.done == ["1", "2"]


async def test_it_can_be_reopened() -> None:
    async with holding(2) as held:
        held.let_go("1", "3")
        held.pool.put(entries("1"))
        await eventually(lambda: held.done == ["1"])
        await within_patience(held.pool.close(grace=1))
        held.pool.open()
        assert (held.pool.free, held.pool.running) == (2, 0)
        held.pool.put(entries("3", "4", "5"))
        await eventually(lambda: held.done == ["1", "3"])
        await eventually(lambda: held.started == ["1", "3", "4", "5"])


async def test_a_close_ends_the_wait_for_room() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2", "3"))
        waiting = asyncio.create_task(held.pool.room(1))
        await turns()
        assert not waiting.done()
        closing = asyncio.create_task(held.pool.close(grace=20))
        await within_patience(waiting)
        held.let_go("1", "2", "3")
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
        held.let_go("1")
        await within_patience(waiting)


async def test_there_is_no_capacity_while_all_workers_are_stuck() -> None:
    async with holding(2, stuck_after=0.01) as held:
        held.uncancellable = {"1", "2"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: len(held.started) == 2)
        held.task("1").cancel()
        await eventually(lambda: held.told == ["1"])
        assert (held.pool.stuck, held.pool.all_stuck) == (1, False)
        await within_patience(held.pool.room(1))
        held.task("2").cancel()
        await eventually(lambda: held.told == ["1", "2"])
        assert (held.pool.stuck, held.pool.all_stuck) == (2, True)
        waiting = asyncio.create_task(held.pool.room(1))
        await turns()
        assert not waiting.done()
        held.let_go("2")
        await within_patience(waiting)
        assert (held.pool.stuck, held.done) == (1, [])


async def test_a_stuck_handler_that_ends_gives_its_worker_back_as_good_as_new() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: held.started == ["1"])
        held.task("1").cancel()
        await eventually(lambda: held.told == ["1"])
        held.let_go("1", "2")
        await eventually(lambda: held.done == ["2"])
        assert (held.pool.free, held.pool.stuck, held.failed) == (1, 0, [])


async def test_a_handler_that_is_not_cancelled_may_take_any_time() -> None:
    async with holding(1, stuck_after=0.002) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        await asyncio.sleep(0.03)
        assert held.told == []


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
        held.let_go("1")
        await eventually(lambda: held.started == ["1", "2"])
        held.pool.drop("2")
        held.pool._watch.check(worker, now + 31)
        assert held.told == []
        held.pool._watch.check(worker, now + 31 + 29)
        assert held.told == []
        held.pool._watch.check(worker, now + 31 + 30)
        assert held.told == ["2"]
        held.pool._watch.check(worker, now + 99)
        assert held.told == ["2"]


async def test_a_pause_and_a_clear_take_what_was_to_run_alone_as_well() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.pool.pause()
        held.pool.put(entries("2"))
        held.pool.put_exclusive(entries("3"))
        assert held.pool.queued == 1
        assert set(held.pool.clear()) == {"2", "3"}
        held.pool.resume()
        held.let_go("1")
        await eventually(lambda: held.pool.running == 0)
        assert held.started == ["1"]


async def test_waiting_for_the_others_includes_exclusive_entries() -> None:
    async with holding(2) as held:
        held.pool.pause()
        await within_patience(held.pool.wait_idle())
        held.pool.put(entries("1"))
        held.pool.put_exclusive(entries("2"))
        idle = asyncio.create_task(held.pool.wait_idle())
        await eventually(lambda: held.started == ["2"])
        assert not idle.done()
        held.let_go("2")
        await within_patience(idle)
        assert (held.started, held.pool.queued, held.pool.started) == (["2"], 1, 1)
        held.pool.resume()
        await eventually(lambda: held.started == ["2", "1"])
        assert held.pool.started == 2


async def test_an_exclusive_entry_runs_once_despite_several_pauses() -> None:
    async with holding(2) as held:
        for name in "123":
            held.pool.pause()
            held.pool.put_exclusive(entries(name))
            held.pool.resume()
            held.let_go(name)
            await eventually(lambda: name in held.done)  # noqa: B023 - awaited in this round
        await turns()
        assert held.started == ["1", "2", "3"]
        assert held.pool.started == 3


async def test_an_entry_that_is_queued_to_run_alone_is_waited_for() -> None:
    async with holding(1) as held:
        held.pool.pause()
        held.pool.put_exclusive(entries("1"))
        idle = asyncio.create_task(held.pool.wait_idle())
        await asyncio.sleep(0)
        assert not idle.done()
        held.let_go("1")
        await within_patience(idle)
        assert held.done == ["1"]


async def test_waiting_entries_include_those_that_wait_for_their_key() -> None:
    async with holding(1, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.pool.put([("1", {"key": "a"}), ("2", {"key": "b"}), ("3", {"key": "a"})])
        await eventually(lambda: held.started == ["1"])
        assert list(held.pool.waiting()) == ["2", "3"]
        assert set(held.pool.clear()) == {"2", "3"}
        assert list(held.pool.waiting()) == []


async def test_an_exclusive_entry_lost_before_its_start_does_not_run() -> None:
    """Waiting to run alone took so long that its lease ended: another worker has it."""
    async with holding(1) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.pool.pause()
        held.pool.put_exclusive(entries("alone", "other"))
        held.pool.drop("alone")
        held.pool.resume()
        held.let_go("1", "other")
        await eventually(lambda: held.done == ["1", "other"])
        assert held.started == ["1", "other"]


async def test_a_lost_exclusive_entry_is_not_waited_for() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.task("1").cancel()
        await eventually(lambda: held.told == ["1"])
        held.pool.pause()
        held.pool.put_exclusive(entries("alone"))
        idle = asyncio.create_task(held.pool.wait_idle())
        await turns()
        assert not idle.done()
        held.pool.drop("alone")
        await within_patience(idle)
        assert held.started == ["1"]


async def test_a_lost_exclusive_entry_lets_the_next_with_its_key_start() -> None:
    async with holding(2, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.pool.pause()
        held.pool.put([("1", {"key": "a"}), ("2", {"key": "a"})])
        held.pool.put_exclusive([("alone", {"key": "a"})])
        held.pool.drop("alone")
        held.pool.resume()
        await eventually(lambda: held.started == ["1"])
        held.let_go("1")
        await eventually(lambda: held.started == ["1", "2"])


async def test_an_exclusive_entry_counts_as_waiting_until_it_starts() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.pool.pause()
        held.pool.put(entries("2"))
        held.pool.put_exclusive(entries("alone"))
        assert sorted(held.pool.waiting()) == ["2", "alone"]
        held.let_go("1")
        await eventually(lambda: held.started == ["1", "alone"])
        assert list(held.pool.waiting()) == ["2"]
        held.let_go("alone")
        held.pool.resume()


async def test_a_worker_whose_stuck_handler_has_ended_is_as_good_as_new() -> None:
    """However often it was cancelled: the next handler there may take any time, and is waited for."""
    async with holding(1, stuck_after=0.01, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.uncancellable = {"1"}
        held.pool.put([("1", {"key": "a"}), ("2", {"key": "b"}), ("3", {"key": "b"})])
        await eventually(lambda: held.started == ["1"])
        held.pool.drop("1")
        await eventually(lambda: held.told == ["1"])
        held.task("1").cancel()
        held.let_go("1")
        await eventually(lambda: held.started == ["1", "2"])
        idle = asyncio.create_task(held.pool.wait_idle())
        await asyncio.sleep(0.05)
        assert (held.told, held.failed, idle.done()) == (["1"], [], False)
        held.let_go("2", "3")
        await eventually(lambda: held.done == ["2", "3"])
        await within_patience(idle)


async def test_waiting_for_the_others_ignores_stuck_handlers() -> None:
    async with holding(2, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1", "2"))
        await eventually(lambda: len(held.started) == 2)
        held.task("1").cancel()
        await eventually(lambda: held.told == ["1"])
        idle = asyncio.create_task(held.pool.wait_idle())
        await turns()
        assert not idle.done()
        held.let_go("2")
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

    told: list[str] = []
    order = KeyedQueue(lambda payload: payload["key"])
    pool = WorkerPool(
        3, handle, order, stuck=lambda entry_id, payload, worker: told.append(entry_id), stuck_after=0.01
    )
    pool.open()
    pool.put([("1", {"key": "a", "delivery": 1})])
    await eventually(lambda: pool.running == 1)
    pool.drop("1")
    await eventually(lambda: told)
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
        assert held.told == []
        held.pool._watch.check(worker, now + 19)
        assert held.told == ["1"]


async def test_stuck_handlers_are_checked_only_while_any_handler_runs() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.let_go("1")
        held.pool.put(entries("1"))
        await eventually(lambda: held.done == ["1"])
        await eventually(lambda: held.pool._watch.timer is None)
        held.uncancellable = {"2"}
        held.pool.put(entries("2"))
        await eventually(lambda: held.started == ["1", "2"])
        held.task("2").cancel()
        await eventually(lambda: held.told == ["2"])


async def test_by_default_a_handler_is_stuck_after_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = LoopClock(monkeypatch)
    monkeypatch.setattr(
        "streamroute.core.consume.pool.stuck_watch.monotonic", asyncio.get_running_loop().time
    )
    async with holding(1) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.task("1").cancel()
        for seconds in (3.4, 1.7, 3.4, 1.7, 3.3):  # the check runs every five seconds
            await clock.advance(seconds)
            assert held.told == []
        await clock.advance(1.8)
        assert held.told == ["1"]


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


async def test_a_handler_that_outlasts_a_close_tells_nothing_and_takes_nothing_more() -> None:
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
        held.let_go("1")
        await asyncio.wait([task])
        await turns()
        assert (held.started, held.done, held.failed) == (["1", "2"], [], [])
        held.let_go("2", "3")
        await eventually(lambda: held.done == ["2", "3"])


async def test_a_close_that_finds_no_worker_finds_no_handler_that_is_deaf() -> None:
    async with holding(1) as held:
        await within_patience(held.pool.close(grace=0))
        assert held.pool.uncancellable == 0


async def test_a_close_does_not_wait_for_workers_that_have_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    LoopClock(monkeypatch)
    async with holding(2) as held:
        held.let_go("1", "2")
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


async def test_claimed_entries_go_before_queued_ones_even_before_the_first_start() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1", "2"))
        held.pool.put(entries("a"), first=True)
        for name in ("a", "1", "2"):
            held.let_go(name)
        await eventually(lambda: len(held.done) == 3)
        assert held.started == ["a", "1", "2"]


async def test_an_entry_that_waited_for_its_key_counts_as_started_once() -> None:
    async with holding(3, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.pool.put([(name, {"key": "a"}) for name in "123"])
        await eventually(lambda: held.pool.started == 1)
        held.let_go("1")
        await eventually(lambda: held.started == ["1", "2"])
        assert held.pool.started == 2
        held.pool.pause()
        held.pool.put_exclusive([("4", {"key": "b"})])
        held.let_go("2", "3", "4")
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


async def test_a_reader_that_waited_for_room_goes_on_before_the_rest_is_handled() -> None:
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


async def test_a_worker_that_is_woken_and_has_not_begun_is_free() -> None:
    async with holding(2) as held:
        held.let_go("1")
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
    go_on, running, most = asyncio.Event(), [0], [0]

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        if entry_id == "bad":
            task = asyncio.current_task()
            assert task is not None
            if end == "cancels itself":
                task.cancel()
            return
        running[0] += 1
        most[0] = max(most[0], running[0])
        await go_on.wait()
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
    go_on.set()
    await eventually(lambda: not pool.queued and not pool.running)
    assert most == [2]
    await within_patience(pool.close(grace=1))


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
        assert held.told == ["1"]


async def test_a_worker_that_was_cancelled_while_it_had_nothing_to_do_is_woken_no_more() -> None:
    """Otherwise a queued entry would wait although another worker is free."""
    async with holding(2) as held:
        held.let_go("1")
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
