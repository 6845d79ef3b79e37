"""The slots: a bounded queue, a fixed number of workers, and workers that survive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consuming import eventually, within_patience
from streamroute.core.cancellation import is_our_end
from streamroute.core.ordering import KeyOrder
from streamroute.core.slots import Entry, Slots


@asynccontextmanager
async def opened(
    concurrency: int,
    handle: Callable[[str, dict[str, Any]], Awaitable[None]],
    order: KeyOrder | None = None,
) -> AsyncIterator[Slots]:
    slots = Slots(concurrency, handle, order)
    slots.open()
    try:
        yield slots
    finally:
        await within_patience(slots.close(grace=0))


def entries(*names: str) -> list[Entry]:
    return [(name, {}) for name in names]


async def test_claimed_entries_go_before_queued_ones_in_their_own_order() -> None:
    go_on, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await go_on.wait()

    async with opened(1, handle) as slots:
        slots.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        slots.put(entries("2", "3"))
        slots.put(entries("a", "b"), first=True)
        go_on.set()
        await eventually(lambda: seen == ["1", "a", "b", "2", "3"])


async def test_what_is_claimed_later_goes_behind_what_was_claimed_before() -> None:
    """A worker that stopped cleanly gives more back than one claim takes: it runs in its order."""
    turns, seen = asyncio.Semaphore(0), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await turns.acquire()

    async with opened(1, handle) as slots:
        slots.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        slots.put(entries("2"))
        slots.put(entries("a", "b", "c"), first=True)
        turns.release()
        await eventually(lambda: seen == ["1", "a"])
        slots.put(entries("d", "e"), first=True)
        slots.put(entries("3"))
        for _ in range(6):
            turns.release()
        await eventually(lambda: len(seen) == 8)
        slots.put(entries("4"))
        slots.put(entries("f"), first=True)
    assert seen == ["1", "a", "b", "c", "d", "e", "2", "3"]
    assert list(slots.clear()) == ["f", "4"]


async def test_everyone_who_waits_for_room_gets_it() -> None:
    """The reader and the claimer wait at the same time, each for room of its own."""
    go_on = asyncio.Semaphore(0)

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await go_on.acquire()

    async with opened(1, handle) as slots:
        slots.put(entries(*(str(n) for n in range(10))))
        await asyncio.sleep(0)
        small, large = asyncio.create_task(slots.room(3)), asyncio.create_task(slots.room(6))
        await asyncio.sleep(0)
        for _ in range(4):
            go_on.release()
        await within_patience(large)
        assert not small.done()
        for _ in range(3):
            go_on.release()
        await within_patience(small)


async def test_a_dropped_handler_is_cancelled_and_its_worker_is_as_good_as_new() -> None:
    """A later CancelledError that a handler raises by itself is still known for its failure."""
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
            judged.append((entry_id, is_our_end(error)))
            if is_our_end(error):
                raise

    async with opened(1, handle) as slots:
        slots.put(entries("1", "2", "3"))
        await started.wait()
        slots.drop("1")
        slots.drop("1")
        slots.drop("2")
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
                logging.getLogger("deaf").info("what?")

    slots = Slots(1, handle, last_patience=0.01)
    slots.open()
    slots.put(entries("1"))
    await started.wait()
    assert await within_patience(slots.close(grace=0)) == {"1": {}}
    go_on.set()
    assert slots.deaf == 1
    await asyncio.sleep(0)


async def test_what_is_paused_starts_nothing_until_it_is_resumed() -> None:
    go_on, alone, seen = asyncio.Event(), asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await (alone if entry_id == "alone" else go_on).wait()

    async with opened(3, handle) as slots:
        slots.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        slots.pause()
        slots.put(entries("2"))
        waiting = asyncio.create_task(slots.wait_idle())
        await asyncio.sleep(0)
        go_on.set()
        await within_patience(waiting)
        slots.put_alone(entries("alone"))
        await eventually(lambda: seen == ["1", "alone"])
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == ["1", "alone"]
        alone.set()
        await within_patience(slots.wait_idle())
        slots.resume()
        await eventually(lambda: seen == ["1", "alone", "2"])


async def test_what_was_to_run_alone_and_did_not_start_goes_first_when_all_go_on() -> None:
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    async with opened(1, handle) as slots:
        slots.pause()
        slots.put(entries("1"))
        slots.put_alone(entries("alone"))
        slots.resume()
        await eventually(lambda: seen == ["alone", "1"])


async def test_what_runs_alone_has_its_key_before_what_was_queued_with_it() -> None:
    """It is older; those with its key wait until it has ended, and others do not."""
    go_on, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id == "alone":
            await go_on.wait()

    def key_of(payload: dict[str, Any]) -> str:
        return str(payload["key"])

    async with opened(2, handle, KeyOrder(key_of)) as slots:
        slots.pause()
        slots.put([("1", {"key": "a"}), ("2", {"key": "a"}), ("3", {"key": "b"})])
        slots.put_alone([("alone", {"key": "a"})])
        await eventually(lambda: seen == ["alone"])
        slots.resume()
        await eventually(lambda: seen == ["alone", "3"])
        slots.put([("4", {"key": "a"})])
        go_on.set()
        await eventually(lambda: seen == ["alone", "3", "1", "2", "4"])


async def test_handlers_that_never_wait_let_the_event_loop_turn() -> None:
    """A queue of handlers that only compute does not keep acks, reads and signals waiting."""
    turns, seen = [0], list[int]()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        time.sleep(0.002)  # noqa: ASYNC251 - it computes, for longer than a breath
        seen.append(turns[0])

    async def turn() -> None:
        while len(seen) < 5:
            turns[0] += 1
            await asyncio.sleep(0)

    async with opened(1, handle) as slots:
        slots.put(entries("1", "2", "3", "4", "5"))
        await within_patience(turn())
    assert len(set(seen)) >= 4  # the first two may begin in one turn


async def test_a_cancellation_that_a_handler_leaves_behind_costs_no_slot() -> None:
    """It arrives where the worker waits next, which is not the handler's await any more."""
    seen = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id == "1":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    async with opened(1, handle) as slots:
        slots.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        slots.put(entries("2"))
        await eventually(lambda: seen == ["1", "2"])


async def test_all_slots_fill_when_handlers_wait() -> None:
    """Few are woken at a time, and still no slot stays empty while something is queued."""
    running = [0]

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        running[0] += 1
        await asyncio.Event().wait()

    async with opened(100, handle) as slots:
        await asyncio.sleep(0)
        slots.put(entries(*(str(n) for n in range(150))))
        await eventually(lambda: running == [100])
        assert (slots.free, slots.queued, slots.started) == (0, 50, 100)


async def test_a_worker_is_started_when_it_is_needed_first() -> None:
    go_on = asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await go_on.wait()

    before = len(asyncio.all_tasks())
    async with opened(1000, handle) as slots:
        assert (len(asyncio.all_tasks()) - before, slots.free) == (0, 1000)
        slots.put(entries("1", "2", "3"))
        await eventually(lambda: slots.running == 3)
        assert len(asyncio.all_tasks()) - before <= 4
        assert slots.free == 997
        go_on.set()
        await eventually(lambda: slots.free == 1000)


async def test_a_handler_that_goes_on_after_it_was_cancelled_is_stuck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its slot is lost until it ends, its end does not count, and those behind its key go on."""
    let_go, ended, told, done, seen = asyncio.Event(), asyncio.Event(), [], [], []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        while entry_id == "deaf" and not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                caplog.clear()
        ended.set()

    slots = Slots(
        2,
        handle,
        KeyOrder(lambda payload: payload["key"]),
        done=lambda entry_id, payload: done.append(entry_id),
        stuck=lambda entry_id, payload, worker: told.append((entry_id, worker)),
        stuck_after=0.02,
    )
    slots.open()
    slots.put([("deaf", {"key": "a"}), ("2", {"key": "a"})])
    await eventually(lambda: seen == ["deaf"])
    assert slots.stuck == 0
    [worker] = [one for one in slots._workers if one.entry is not None]
    assert worker.task is not None
    worker.task.cancel()
    await eventually(lambda: told)
    assert told == [("deaf", worker)]
    await eventually(lambda: done == ["2"])
    assert (slots.stuck, slots.running) == (1, 1)
    await within_patience(slots.wait_idle())  # nobody waits for it any more
    let_go.set()
    await eventually(lambda: slots.stuck == 0)
    slots.put([("3", {"key": "a"}), ("4", {"key": "b"})])
    await eventually(lambda: sorted(done) == ["2", "3", "4"])
    await within_patience(slots.close(grace=0))
    assert len(told) == 1


async def test_a_handler_that_ends_soon_after_its_cancellation_is_not_stuck() -> None:
    told: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await asyncio.sleep(600)

    slots = Slots(1, handle, stuck=lambda entry_id, *_: told.append(entry_id), stuck_after=0.02)
    slots.open()
    for n in range(5):
        slots.put(entries(str(n)))
        await eventually(lambda: slots.running == 1)
        slots.drop(str(n))
        await eventually(lambda: slots.running == 0)
    await asyncio.sleep(0.05)
    await within_patience(slots.close(grace=0))
    assert told == []


async def test_a_callback_that_raises_costs_no_slot(caplog: pytest.LogCaptureFixture) -> None:
    """It must not, and nothing is handled by a slot that is gone."""
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    def done(entry_id: str, payload: dict[str, Any]) -> None:
        if entry_id != "good":
            raise RuntimeError("an observer's mistake")

    slots = Slots(2, handle, done=done)
    slots.open()
    slots.put(entries("1", "2", "3", "good"))
    await eventually(lambda: "good" in seen)
    assert "a slot has failed" in caplog.text
    await within_patience(slots.close(grace=0))
