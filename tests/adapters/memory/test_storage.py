"""The in-memory storage and scheduler: what they offer to tests beyond the storage contract."""

from __future__ import annotations

import asyncio
import json

from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing_first
from jumping import run_jumping
from streamroute.adapters.memory.retry_scheduler import MemoryRetryScheduler
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.dispatcher import RetrySchedulerProtocol
from streamroute.core.storage import StreamStorageProtocol, blocks, promotes, releases, settles


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_they_satisfy_the_protocols() -> None:
    storage = MemoryStreamStorage()
    assert isinstance(storage, StreamStorageProtocol)
    assert isinstance(MemoryRetryScheduler(storage), RetrySchedulerProtocol)
    assert blocks(storage)
    assert None not in (settles(storage), promotes(storage), releases(storage))


async def test_a_moved_clock_ends_a_lease() -> None:
    clock = Clock()
    storage = MemoryStreamStorage(clock=clock)
    await storage.create_group(STREAM, GROUP)
    storage.add(STREAM, {"type": "booked"})
    await storage.read_events(STREAM, GROUP, "one", 1)
    assert await storage.claim_stale_events(STREAM, GROUP, "two", 60_000, 1) == []
    clock.now += 60
    assert len(await storage.claim_stale_events(STREAM, GROUP, "two", 60_000, 1)) == 1


def test_a_moved_clock_makes_a_retry_due() -> None:
    run_jumping(a_moved_clock_makes_a_retry_due())


async def a_moved_clock_makes_a_retry_due() -> None:
    clock = Clock()
    storage = MemoryStreamStorage(clock=clock, block=0.01)
    handler = Handling(then=failing_first())
    async with consuming(storage, dispatcher_of(handler).process_message):
        entry_id = storage.add(STREAM, {"type": "booked"})
        await eventually(lambda: storage.scheduled(STREAM, GROUP))
        assert storage.scheduled(STREAM, GROUP) == [f"{entry_id}|consuming.note|2"]
        clock.now += 70
        await eventually(lambda: len(handler.seen) == 2)
        await eventually(lambda: not storage.pending(STREAM, GROUP))


async def test_ids_grow_even_where_the_clock_goes_back() -> None:
    clock = Clock()
    storage = MemoryStreamStorage(clock=clock)
    first = storage.add(STREAM, {"type": "booked"})
    clock.now -= 500
    second = storage.add(STREAM, {"type": "booked"})
    assert (first, second) == ("1000000-0", "1000000-1")


def test_a_foreign_schedulers_retry_runs_its_route_in_its_group_alone() -> None:
    run_jumping(a_foreign_schedulers_retry_runs_its_route_in_its_group_alone())


async def a_foreign_schedulers_retry_runs_its_route_in_its_group_alone() -> None:
    clock = Clock()
    storage = MemoryStreamStorage(clock=clock, block=0.01)
    scheduler = MemoryRetryScheduler(storage)
    good, bad, other = Handling("good"), Handling("bad", failing_first()), Handling("other")
    ours = dispatcher_of(good, bad, retry_scheduler=scheduler)
    theirs = dispatcher_of(other)
    async with (
        consuming(storage, ours.process_message),
        consuming(storage, theirs.process_message, group="mailing"),
    ):
        storage.publish(STREAM, {"type": "booked", "guest": {"tier": "gold"}})
        await eventually(lambda: scheduler.scheduled)
        await eventually(lambda: other.seen)
        clock.now += 61
        await eventually(lambda: len(bad.seen) == 2)
        await eventually(lambda: not storage.unread(STREAM, "mailing"))
        await eventually(lambda: not storage.pending(STREAM, "mailing") + storage.pending(STREAM, GROUP))
    assert (len(good.seen), len(bad.seen), len(other.seen)) == (1, 2, 1)
    assert bad.seen[1] == {"type": "booked", "guest": {"tier": "gold"}}
    [(stream, payload, delay)] = scheduler.scheduled
    routes = json.loads(payload["_streamroute"])["routes"]
    assert (stream, delay, routes) == (STREAM, 60, ["consuming.bad"])


async def test_a_read_that_waits_ends_with_the_group() -> None:
    storage = MemoryStreamStorage(block=600)
    handler = Handling()
    async with consuming(storage, dispatcher_of(handler).process_message):
        for _ in range(5):
            await asyncio.sleep(0)
        storage.clear()
        storage.add(STREAM, {"type": "booked"})
        await eventually(lambda: handler.seen)
        storage.block = 0.01
        storage.add(STREAM, {"type": "booked"})
        await eventually(lambda: len(handler.seen) == 2)
