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


async def test_a_handler_that_ignores_its_cancellation_does_not_hold_up_the_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamroute.core.slots._LAST_PATIENCE", 0.01)
    go_on, started = asyncio.Event(), asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        started.set()
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                logging.getLogger("deaf").info("what?")

    slots = Slots(1, handle)
    slots.open()
    slots.put(entries("1"))
    await started.wait()
    assert await within_patience(slots.close(grace=0)) == {"1": {}}
    go_on.set()
    assert slots.deaf == 1
    await asyncio.sleep(0)


async def test_an_entry_that_runs_alone_waits_for_the_others_and_bars_new_ones() -> None:
    go_on, alone, seen = asyncio.Event(), asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await (alone if entry_id == "alone" else go_on).wait()

    async def fetch() -> list[Entry]:
        return entries("alone")

    async with opened(3, handle) as slots:
        slots.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        running = asyncio.create_task(slots.run_alone(fetch, patience=20, longest=20))
        await asyncio.sleep(0)
        slots.put(entries("2"))
        go_on.set()
        await eventually(lambda: seen == ["1", "alone"])
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == ["1", "alone"]
        alone.set()
        assert await within_patience(running)
        await eventually(lambda: seen == ["1", "alone", "2"])


async def test_running_alone_is_given_up_where_a_handler_does_not_end() -> None:
    never = asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await never.wait()

    async def fetch() -> list[Entry]:
        raise AssertionError("nothing may be fetched")

    async with opened(2, handle) as slots:
        slots.put(entries("1"))
        await asyncio.sleep(0)
        assert not await slots.run_alone(fetch, patience=0.01, longest=20)


async def test_an_entry_that_runs_alone_for_long_gets_company() -> None:
    """Were it alone for as long as it runs, a handler that hangs would hold up its worker for ever."""
    never, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id == "alone":
            await never.wait()

    async def fetch() -> list[Entry]:
        slots.put(entries("1"))
        return entries("alone")

    async with opened(2, handle) as slots:
        assert await within_patience(slots.run_alone(fetch, patience=20, longest=0.01))
        await eventually(lambda: seen == ["alone", "1"])
        slots.put(entries("2"))
        await eventually(lambda: seen == ["alone", "1", "2"])


async def test_an_entry_that_runs_alone_stays_alone_where_keys_have_an_order() -> None:
    """Those beside it might have its key."""
    go_on, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await go_on.wait()

    async def fetch() -> list[Entry]:
        slots.put(entries("1"))
        return entries("alone")

    async with opened(2, handle, KeyOrder(lambda payload: "key")) as slots:
        running = asyncio.create_task(slots.run_alone(fetch, patience=20, longest=0.01))
        await eventually(lambda: seen == ["alone"])
        ended, _ = await asyncio.wait([running], timeout=0.05)
        assert not ended
        assert seen == ["alone"]
        go_on.set()
        assert await within_patience(running)
        await eventually(lambda: seen == ["alone", "1"])


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
