"""The heartbeat thread: one for all streams of a client, and its record of each worker in Redis."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, within_patience
from servers import RealServer
from streamroute.adapters.stream.leases.heartbeat import HeartbeatThread, LoopIsClosedError, LoopMonitor
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.core.processor import RedisStreamProcessor
from streamroute.keys import GroupKeys
from streamroute.system.waiting import wait_for_event
from streamroute.values import KnownRoutes


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


def heartbeat_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "heartbeat" in thread.name}


async def workers(client: Any, keys: GroupKeys = KEYS) -> Mapping[bytes, bytes]:
    found: Mapping[bytes, bytes] = await client.hgetall(keys.workers)
    return found


@asynccontextmanager
async def many(client: Redis, streams: list[str], lease: float) -> AsyncIterator[Handling]:
    """Consume streams over one client, each with its own processor."""
    handler, running = Handling(), []
    for stream in streams:
        storage = RedisStreamStorage(client, lease=lease, block=0.05)
        worker = RedisStreamProcessor(storage, stream, GROUP, "me", lease=lease, claim_interval=0.05)
        worker.set_message_callback(dispatcher_of(handler).process_message)
        await worker.start_listening()
        running.append(worker)
    try:
        yield handler
    finally:
        await within_patience(asyncio.gather(*(worker.stop_listening() for worker in running)))


async def test_all_streams_of_a_client_share_one_thread_and_one_connection(redis_client: Redis) -> None:
    before, streams = heartbeat_threads(), [f"s{n}" for n in range(20)]
    async with many(redis_client, streams, lease=0.3):
        for stream in streams:
            await eventually(lambda: workers(redis_client, GroupKeys.of(stream, GROUP)))  # noqa: B023 - awaited here
        assert len(heartbeat_threads() - before) == 1
    assert not heartbeat_threads() - before


class Slow:
    """A stream that is never due, and takes a while to leave."""

    stall = 10.0

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self.tick = 10.0
        self.has_left = False
        self.leaves = 0

    def is_due(self, now: float) -> bool:
        return False

    async def beat(self, client_of: Any, call: Any, silence: float) -> None:
        raise AssertionError("it is never due")

    async def leave(self, client_of: Any) -> None:
        for _ in range(self._turns):
            await asyncio.sleep(0.001)
        self.has_left = True
        self.leaves += 1


async def test_a_stream_may_be_added_while_the_last_one_leaves(redis_client: Redis) -> None:
    """As in a reload that replaces the only consumer: the thread that ends and the new one are two."""
    before, heartbeat = heartbeat_threads(), HeartbeatThread()
    first, second = Slow(1), Slow(1)
    await heartbeat.add(first, redis_client)
    removing = asyncio.create_task(heartbeat.remove(first))
    for _ in range(1_000_000):
        if heartbeat._thread is None:  # it was told to end, and has not ended
            break
        await asyncio.sleep(0)
    await within_patience(asyncio.gather(removing, heartbeat.add(second, redis_client)))
    assert len(heartbeat_threads() - before) == 1
    await within_patience(heartbeat.remove(second))
    assert not heartbeat_threads() - before


async def test_streams_that_leave_together_all_get_to_their_end(redis_client: Redis) -> None:
    """The first one to leave does not end the thread of the others."""
    thread, streams = HeartbeatThread(), [Slow(turns) for turns in (0, 5, 30, 60)]
    for stream in streams:
        await thread.add(stream, redis_client)
    await within_patience(asyncio.gather(*map(thread.remove, streams)))
    assert all(stream.has_left for stream in streams)
    await thread.add(again := Slow(0), redis_client)
    await within_patience(thread.remove(again))
    await within_patience(thread.remove(again))
    assert [stream.leaves for stream in (*streams, again)] == [1] * 5


class Beating:
    """A stream that is always due; its beats may be held, and events are recorded in order."""

    stall = 600.0

    def __init__(self) -> None:
        self.tick = 0.001
        self.noted: list[str] = []
        self.beats = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.error: Exception | None = None

    def is_due(self, now: float) -> bool:
        return True

    async def beat(self, client_of: Any, call: Any, silence: float) -> None:
        self.beats += 1
        if self.error is not None:
            raise self.error
        if self.may_go_on.is_set():
            return
        self.noted.append("begins")
        try:
            while not self.may_go_on.is_set():  # noqa: ASYNC110 - it is set in another thread
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.noted.append("cancelled")
            raise
        self.noted.append("ends")

    async def leave(self, client_of: Any) -> None:
        self.noted.append("leaves")


@asynccontextmanager
async def beating(client: Redis, *streams: Any, **timings: float) -> AsyncIterator[HeartbeatThread]:
    """A thread with these streams."""
    thread = HeartbeatThread(**timings)
    for stream in streams:
        await thread.add(stream, client)
    try:
        yield thread
    finally:
        for stream in streams:
            if isinstance(stream, Beating):
                stream.may_go_on.set()
            await within_patience(thread.remove(stream))


async def test_a_stream_beats_again_and_again_and_never_twice_at_once(redis_client: Redis) -> None:
    one, other = Beating(), Beating()
    async with beating(redis_client, one, other):
        await eventually(lambda: one.beats > 3)
        one.may_go_on.clear()
        await eventually(lambda: one.noted)
        beats, others = one.beats, other.beats
        await eventually(lambda: other.beats > others + 3)  # it does not wait for this one
        assert (one.beats, one.noted) == (beats, ["begins"])


async def test_a_stream_leaves_when_its_beat_has_ended(redis_client: Redis) -> None:
    one = Beating()
    async with beating(redis_client, one) as thread:
        one.may_go_on.clear()
        await eventually(lambda: one.noted)
        leaving = asyncio.create_task(thread.remove(one))
        await asyncio.sleep(0.02)
        assert one.noted == ["begins"]
        one.may_go_on.set()
        await within_patience(leaving)
        assert one.noted == ["begins", "ends", "leaves"]


async def test_an_endless_beat_is_cancelled(redis_client: Redis) -> None:
    one = Beating()
    async with beating(redis_client, one, leave_timeout=0.01) as thread:
        one.may_go_on.clear()
        await eventually(lambda: one.noted)
        await within_patience(thread.remove(one))
        assert one.noted == ["begins", "cancelled"]
        assert not [task for task in threading.enumerate() if task is thread._thread]


async def test_a_later_registration_does_not_wait_for_the_next_poll(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def note(event: asyncio.Event, seconds: float) -> None:
        looks.append(seconds)
        await wait_for_event(event, seconds)

    monkeypatch.setattr("streamroute.adapters.stream.leases.heartbeat.wait_for_event", note)
    early, late = Slow(0), Beating()
    early.tick = 600.0
    async with beating(redis_client, early, tick=600.0) as thread:
        await eventually(lambda: looks == [600.0])
        await thread.add(late, redis_client)
        await eventually(lambda: late.beats > 3)
        await within_patience(thread.remove(late))


async def test_the_heartbeat_stops_for_a_stream_whose_event_loop_is_blocked(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, patient = Beating(), Beating()
    silent.stall, patient.stall = 1.0, 9.0
    monkeypatch.setattr(LoopMonitor, "silence", lambda self, every: 5.0)
    async with beating(redis_client, silent, patient):
        await eventually(lambda: patient.beats > 5)
        assert silent.beats == 0


async def test_a_thread_ends_with_the_event_loop_of_its_handlers(redis_client: Redis) -> None:
    """At once, not at its next tick."""
    one = Beating()
    one.tick, one.error = 600.0, LoopIsClosedError()
    async with beating(redis_client, one, tick=600.0) as thread:
        await within_patience(thread._ended.wait())
        assert one.beats == 1


async def test_a_beat_that_is_under_way_when_the_event_loop_ends_is_cut_off(redis_client: Redis) -> None:
    """The thread ends without an error."""
    held, last = Beating(), Beating()
    async with beating(redis_client, held, last) as thread:
        held.may_go_on.clear()
        await eventually(lambda: held.noted)
        last.error = LoopIsClosedError()
        await within_patience(thread._ended.wait())
        await eventually(lambda: not thread._thread or not thread._thread.is_alive())
        assert held.noted == ["begins", "cancelled"]


@pytest.mark.parametrize(("tick", "stall", "looks", "asks"), [(10, 600, 0.2, 1.0), (0.05, 2, 0.05, 0.2)])
async def test_a_thread_looks_as_often_as_the_most_impatient_of_its_streams_asks(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch, tick: float, stall: float, looks: float, asks: float
) -> None:
    """At least five times a second; the event loop is checked every second, or more often."""
    waited: list[float] = []
    requests: list[float] = []

    async def note(event: asyncio.Event, seconds: float) -> None:
        waited.append(seconds)
        await wait_for_event(event, seconds)

    def ask(_pulse: LoopMonitor, every: float) -> float:
        requests.append(every)
        return 0.0

    monkeypatch.setattr("streamroute.adapters.stream.leases.heartbeat.wait_for_event", note)
    monkeypatch.setattr(LoopMonitor, "silence", ask)
    impatient, patient = Slow(0), Slow(0)
    impatient.tick, impatient.stall = tick, stall
    patient.tick, patient.stall = 100.0, 1_000.0
    async with beating(redis_client, impatient, patient):
        await eventually(lambda: len(waited) > 2)
    assert waited[1] == looks
    assert requests[1] == asks


async def test_a_stream_that_ends_leaves_the_others_beating(redis_client: Redis) -> None:
    async with many(redis_client, ["stays"], lease=0.2):
        async with many(redis_client, ["goes"], lease=0.2):
            await eventually(lambda: workers(redis_client, GroupKeys.of("goes", GROUP)))
        assert not await workers(redis_client, GroupKeys.of("goes", GROUP))
        stays = GroupKeys.of("stays", GROUP)
        before = await eventually(lambda: workers(redis_client, stays))
        await eventually(lambda: _differs(redis_client, stays, before))
        async with many(redis_client, ["comes"], lease=0.2):
            await eventually(lambda: workers(redis_client, GroupKeys.of("comes", GROUP)))


async def test_a_lease_is_in_force_no_longer_once_its_worker_has_left(backend: RedisBackend) -> None:
    """A rollback from a minute to milliseconds takes effect with the last worker that had a minute."""
    never = asyncio.Event()
    old, new = Handling(then=lambda payload: never.wait()), Handling()
    async with consuming(backend.storage(lease=60), dispatcher_of(old).process_message, lease=60, grace=0.01):
        await eventually(lambda: workers(backend.client))
        await backend.add(type="booked")
        await eventually(lambda: old.seen)
        [(entry_id, message)] = list(await _held_by(backend))
    assert not await workers(backend.client)
    await backend.client.xclaim(STREAM, GROUP, "silent", 0, [entry_id], justid=True)
    async with consuming(backend.storage(lease=0.05), dispatcher_of(new).process_message, lease=0.05):
        await eventually(lambda: new.seen)
    assert message


async def test_the_longest_lease_is_reported_with_its_worker(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamroute")
    storage = backend.storage(lease=0.3)
    await storage.create_group(STREAM, GROUP)
    seconds, _ = await backend.client.time()
    await backend.client.hset(KEYS.workers, "other", f"{seconds * 1000 + 120_000} 60000 ")
    keeper = storage.lease_keeper(STREAM, GROUP, "one", held=dict, lost=lambda lost: None)
    await keeper.open()
    await eventually(lambda: "is 1m, as long as other is alive; here it is 300ms" in caplog.text)
    await keeper.close()
    assert caplog.text.count("the lease in force") == 1


@pytest.mark.parametrize(
    "written",
    [
        "",
        "abc",
        "1 2",
        "1e9 5 x",
        "99999999999999 abc ",
        "-1 -1 ",
        "99999999999999 60000 abc",
        "99999999999999 999999999999 abc",
        f"{'9' * 5_000} {'9' * 5_000} abc",
    ],
)
async def test_foreign_values_in_a_heartbeat_are_ignored(backend: RedisBackend, written: str) -> None:
    """Anyone may have written it: leases are kept, entries claimed, and the value is removed."""
    storage = backend.storage(lease=0.05)
    await storage.create_group(STREAM, GROUP)
    await backend.add(type="booked")
    await storage.read_events(STREAM, GROUP, "old", 1)
    await backend.client.hset(KEYS.workers, "other", written)
    keeper = storage.lease_keeper(STREAM, GROUP, "one", held=dict, lost=lambda lost: None)
    await keeper.open()
    await eventually(lambda: storage.claim_stale_events(STREAM, GROUP, "one", 50, 10))
    await eventually(lambda: _is_gone(backend.client, b"other"))
    await keeper.close()


async def test_a_worker_publishes_its_routes_beside_its_heartbeat(backend: RedisBackend) -> None:
    storage = backend.storage(lease=0.3)
    await storage.create_group(STREAM, GROUP)
    known = [KnownRoutes(frozenset({"b", "a"}), frozenset({"t"}))]
    keeper = storage.lease_keeper(
        STREAM, GROUP, "one", held=dict, lost=lambda lost: None, known_routes=lambda: known[0]
    )
    await keeper.open()
    stored = await eventually(lambda: backend.client.hvals(KEYS.routes))
    assert stored == [b'{"routes": ["a", "b"], "types": ["t"]}']
    known[0] = KnownRoutes(frozenset({"c"}), frozenset({"t"}))
    await eventually(lambda: _has_known(backend.client, 2))
    await keeper.close()


async def test_unstarted_entries_of_a_hung_worker_are_claimed_first(
    backend: RedisBackend, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It waits for one lease; running entries are kept for as long as the worker may be silent.

    The rescuer has a long lease: it claims only released entries, however late the heartbeats are.
    """
    hangs, released = threading.Event(), threading.Event()

    async def hang(payload: dict[str, Any]) -> None:
        hangs.set()
        released.wait()

    async def work() -> None:
        async with Redis.from_url(redis_url) as client:
            storage = RedisStreamStorage(client, lease=1.0, stall=600, block=0.05)
            worker = RedisStreamProcessor(storage, STREAM, GROUP, "hung", lease=1.0, batch_count=10)
            worker.set_message_callback(hang)
            await worker.start_listening()
            await eventually(hangs.is_set)
            await worker.stop_listening()

    for n in range(5):
        await backend.add(type="booked", n=str(n))
    hung = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    hung.start()
    try:
        await eventually(hangs.is_set)
        rescuer = Handling()
        async with consuming(backend.storage(), dispatcher_of(rescuer).process_message, lease=60):
            await eventually(lambda: len(rescuer.seen) == 4)
            assert rescuer.numbers() == ["1", "2", "3", "4"]
            assert [payload.deliveries for payload in rescuer.seen] == [1, 1, 1, 1]
            await eventually(lambda: _is_held_by(backend, [b"hung"]))
    finally:
        released.set()
        await asyncio.to_thread(hung.join, 60)
    assert "4 entries of bot_events that did not start go to other workers" in caplog.text


async def test_a_server_that_hangs_does_not_keep_a_stream_from_leaving(
    redis_server: RealServer, redis_url: str
) -> None:
    async with Redis.from_url(redis_url, socket_timeout=60) as client:
        storage = RedisStreamStorage(client, lease=0.2)
        await storage.create_group(STREAM, GROUP)
        keeper = storage.lease_keeper(STREAM, GROUP, "one", held=dict, lost=lambda lost: None)
        await keeper.open()
        await eventually(lambda: workers(client))
        redis_server.pause()
        try:
            await within_patience(keeper.close())
        finally:
            redis_server.resume()


async def _held_by(backend: RedisBackend) -> Any:
    rows = await backend.client.xpending_range(STREAM, GROUP, "-", "+", 10)
    return [(row["message_id"].decode(), row["consumer"]) for row in rows]


async def _is_held_by(backend: RedisBackend, consumers: list[bytes]) -> bool:
    return [consumer for _, consumer in await _held_by(backend)] == consumers


async def _differs(client: Any, keys: GroupKeys, before: Any) -> bool:
    return bool(await workers(client, keys) != before)


async def _is_gone(client: Any, name: bytes) -> bool:
    return name not in await workers(client)


async def _has_known(client: Any, count: int) -> bool:
    return bool(await client.hlen(KEYS.routes) == count)
