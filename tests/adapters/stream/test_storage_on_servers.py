"""Behaviour that only real servers show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing, named
from servers import RealServer
from streamroute.adapters.redis.scripts import Call, script
from streamroute.adapters.stream.leases.claiming import ClaimLimits
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.core.consume.in_flight import InFlight
from streamroute.core.storage import StreamStorageProtocol, blocks, promotes, releases, settles
from streamroute.errors import Reject, SetupError
from streamroute.message import Message
from streamroute.values import RetryLater, RetryPolicy


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


def test_the_redis_storage_has_every_capability() -> None:
    storage = RedisStreamStorage(Redis())
    assert isinstance(storage, StreamStorageProtocol)
    assert blocks(storage)
    assert None not in (settles(storage), promotes(storage), releases(storage))


def test_a_client_that_decodes_replies_is_refused() -> None:
    with pytest.raises(SetupError, match="decode_responses"):
        RedisStreamStorage(Redis(decode_responses=True))


def test_the_cloned_client_does_not_change_the_original(redis_client: Redis) -> None:
    RedisStreamStorage(redis_client)
    assert redis_client.response_callbacks


async def test_an_idle_stream_is_waited_on_by_the_server(redis_url: str) -> None:
    """The read blocks for minutes, and an entry starts long before that and before any poll interval."""
    handler = Handling()
    async with Redis.from_url(redis_url, socket_timeout=600) as client:
        backend = RedisBackend(client)
        storage = backend.storage(block=300)
        async with consuming(storage, dispatcher_of(handler).process_message, poll_interval=600):
            await eventually(lambda: _is_blocked(backend.client))
            await backend.add(type="booked")
            await eventually(lambda: handler.seen)
            await backend.add(type="booked")
            await eventually(lambda: len(handler.seen) == 2)
            await eventually(lambda: _is_blocked(backend.client))
            await backend.client.xgroup_destroy(STREAM, GROUP)  # ends the read, so that the stop is quick


async def test_a_worker_notes_the_lease_of_its_storage(backend: RedisBackend) -> None:
    async with consuming(backend.storage(lease=1234.5), dispatcher_of(Handling()).process_message):
        [note] = await eventually(lambda: backend.client.hvals(KEYS.workers))
    assert note.split()[1] == b"1234500"


async def test_scripts_that_the_server_has_forgotten_are_sent_again(backend: RedisBackend) -> None:
    handler = Handling(then=failing(Reject("bad")))
    async with consuming(backend.storage(), dispatcher_of(handler).process_message):
        for count in (1, 2, 3):
            await backend.client.script_flush()
            await backend.add(type="booked")
            await eventually(lambda: _count(count, backend.dead))  # noqa: B023 - awaited in this round
            await eventually(lambda: _count(0, backend.pending))


async def test_a_script_that_many_calls_need_is_sent_again_for_each(backend: RedisBackend) -> None:
    await backend.client.script_flush()
    calls: list[Call] = [([KEYS.due, KEYS.delayed], [f"name{n}", 60_000, "entry"]) for n in range(3)]
    assert await script("retries/schedule").run_each(backend.client, calls) == [1, 1, 1]
    assert await script("retries/schedule").run_each(backend.client, calls) == [0, 0, 0]


async def test_a_retry_key_of_the_wrong_type_keeps_the_entry(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handling(then=failing())
    dispatcher = dispatcher_of(handler, retry=RetryPolicy(max_attempts=2, delay=0))
    await backend.client.set(KEYS.due, "not a sorted set")
    async with consuming(backend.storage(), dispatcher.process_message):
        kept = await backend.add(type="booked")
        await eventually(lambda: "refused by the storage" in caplog.text)
        assert await backend.pending() == [kept]
        await backend.client.delete(KEYS.due)
        [dead] = await eventually(backend.dead)
    assert dead.id == kept


async def test_outcomes_are_written_all_or_not_at_all(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """The server rolls nothing back, so the keys are checked before anything is written."""
    bad, again = Handling("bad", failing(Reject("bad"))), Handling("again", failing())
    await backend.refuse_dead_letters(True)
    dispatcher = dispatcher_of(again, bad, retry=RetryPolicy(delay=600))
    async with consuming(backend.storage(), dispatcher.process_message):
        await backend.add(type="booked")
        await eventually(lambda: "refused by the storage" in caplog.text)
        assert await backend.scheduled() == []
        await backend.refuse_dead_letters(False)
        await eventually(backend.dead)
    assert len(await backend.scheduled()) == 1


@pytest.mark.parametrize("what", ["kill", "pause"])
async def test_a_server_that_goes_away_and_comes_back_is_consumed_again(
    start_server: Callable[..., RealServer], caplog: pytest.LogCaptureFixture, what: str
) -> None:
    server = start_server(append_only=True)
    handler = Handling()
    async with Redis.from_url(server.url) as client, Redis.from_url(server.url, socket_timeout=2) as hasty:
        backend, storage = RedisBackend(client), RedisBackend(hasty).storage(lease=0.5)
        async with consuming(storage, dispatcher_of(handler).process_message, lease=0.5):
            await backend.add(type="booked", n="1")
            await eventually(lambda: handler.seen)
            server.kill() if what == "kill" else server.pause()
            await eventually(lambda: "failed; retrying" in caplog.text)
            server.start() if what == "kill" else server.resume()
            await eventually(lambda: _add(backend, "2"))
            await eventually(lambda: "2" in handler.numbers())
            await eventually(lambda: _count(0, backend.pending))


async def test_an_entry_of_a_full_server_stays_pending_until_there_is_room(
    start_server: Callable[..., RealServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(options=["--maxmemory-policy", "noeviction"])
    full = asyncio.Event()

    async def reject(payload: Any) -> None:
        await full.wait()
        raise Reject("bad")

    handler = Handling(then=reject)
    async with Redis.from_url(server.url) as client:
        backend = RedisBackend(client)
        async with consuming(backend.storage(), dispatcher_of(handler).process_message):
            await eventually(lambda: backend.client.exists(STREAM))
            kept = await backend.add(type="booked")
            await eventually(lambda: handler.seen)
            await backend.client.config_set("maxmemory", "1")
            full.set()
            await eventually(lambda: "refused by the storage" in caplog.text)
            assert (await backend.pending(), await backend.dead()) == ([kept], [])
            await backend.client.config_set("maxmemory", "0")
            await eventually(lambda: _count(1, backend.dead))
            await eventually(lambda: _count(0, backend.pending))


async def _is_blocked(client: Any) -> bool:
    info = await client.info("clients")
    return bool(info["blocked_clients"])


async def _count(expected: int, ask: Any) -> bool:
    return len(await ask()) == expected


async def _add(backend: RedisBackend, n: str) -> bool:
    try:
        return bool(await backend.add(type="booked", n=n))
    except RedisError:
        return False  # it is being reinjected


async def test_large_entries_are_claimed_and_promoted_a_few_at_a_time(backend: RedisBackend) -> None:
    """No script returns or moves hundreds of megabytes at once, and none leaves an entry behind."""
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    for _ in range(7):
        await backend.add(type="booked", pad="x" * 6_000_000)
    read = dict(await storage.read_events(STREAM, GROUP, "old", 10))
    await storage.release(STREAM, GROUP, "old", read, started=True)
    claimed: dict[str, Any] = {}
    sizes = []
    while len(claimed) < 7:
        claim = dict(await storage.claim_stale_events(STREAM, GROUP, "new", 60_000, 10))
        sizes.append(len(claim))
        claimed.update(claim)
    assert sizes == [3, 3, 1]

    for message in claimed.values():
        message.delivery.outcomes = [RetryLater("thank", 0, 2, "no luck")]
    await storage.settle(STREAM, GROUP, "new", claimed)
    promoted = []
    for _ in sizes:
        await storage.promote_due(STREAM, GROUP)
        promoted.append(await backend.client.xlen(KEYS.retry))
    assert promoted == [3, 6, 7]


async def test_a_fresh_entry_in_a_batch_lets_no_stale_one_be_acked(backend: RedisBackend) -> None:
    """Ids are looked up once the lease of the first one may have ended."""
    storage = backend.storage(lease=60)
    await storage.create_group(STREAM, GROUP)
    stale, fresh = [await backend.add(type="booked") for _ in range(2)]
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "one", 2))
    read[stale].delivery.lease_confirmed_at -= 60_001
    await backend.client.xclaim(STREAM, GROUP, "two", 0, [stale])
    assert list((await storage.settle(STREAM, GROUP, "one", read)).lost) == [stale]
    assert await backend.pending() == [stale]
    assert fresh in read


@pytest.mark.parametrize("confirmed", ["not since", "by a heartbeat that was on its way"])
async def test_another_entry_under_the_same_id_is_not_acked(backend: RedisBackend, confirmed: str) -> None:
    """The stream was recreated while the old entry ran, unknown to the heartbeat thread."""
    storage, in_flight = backend.storage(lease=60), InFlight()
    await storage.create_group(STREAM, GROUP)
    await backend.client.xadd(STREAM, {"type": "booked", "n": "old"}, id="1-0")
    in_flight.add(await storage.read_events(STREAM, GROUP, "one", 1))
    await backend.client.delete(STREAM)
    await backend.client.xadd(STREAM, {"type": "booked", "n": "new"}, id="1-0")
    await storage.create_group(STREAM, GROUP)
    [(_, redelivered)] = read = await storage.read_events(STREAM, GROUP, "one", 1)
    assert in_flight.add(read) == []
    running = in_flight.get("1-0")
    assert isinstance(running, Message)
    if confirmed != "not since":
        assert isinstance(redelivered, Message)
        running.delivery.lease_confirmed_at = redelivered.delivery.lease_confirmed_at
    assert list((await storage.settle(STREAM, GROUP, "one", {"1-0": running})).lost) == ["1-0"]
    assert await backend.pending() == ["1-0"]


async def test_entries_skipped_for_the_byte_limit_are_claimed_later(backend: RedisBackend) -> None:
    """The sweep has gone past it, and returns to it before it continues with later pending entries."""
    storage = backend.storage(lease=0.001)
    storage.claim_limits = ClaimLimits(sweep=10, reply_bytes=1)
    await storage.create_group(STREAM, GROUP)
    ids = [await backend.add(type="booked") for _ in range(30)]
    await storage.read_events(STREAM, GROUP, "one", 30)
    busy = {"idle": 0, "justid": True}
    await backend.client.xclaim(STREAM, GROUP, "one", 0, ids[5:], **busy)  # the consumer is alive
    await backend.client.xclaim(STREAM, GROUP, "one", 0, ids[:5], idle=100_000, justid=True)
    claimed = []
    for _ in range(5):
        claimed += [name for name, _ in await storage.claim_stale_events(STREAM, GROUP, "two", 50_000, 5)]
    assert claimed == ids[:5]


async def test_a_sweep_continues_from_claim_to_claim(backend: RedisBackend) -> None:
    storage = backend.storage(lease=60)
    storage.claim_limits = ClaimLimits(sweep=10)
    await storage.create_group(STREAM, GROUP)
    ids = [await backend.add(type="booked") for _ in range(30)]
    await storage.read_events(STREAM, GROUP, "one", 30)
    await backend.client.xclaim(STREAM, GROUP, "one", 0, ids[-1:], idle=100_000, justid=True)
    found = [await storage.claim_stale_events(STREAM, GROUP, "two", 60_000, 5) for _ in range(3)]
    assert [[name for name, _ in claimed] for claimed in found] == [[], [], ids[-1:]]


async def test_retries_promoted_before_the_group_existed_are_read(backend: RedisBackend) -> None:
    """A dead letter may be requeued, or a retry promoted, while the group is missing."""
    storage, handler = backend.storage(), Handling()
    await storage.create_group(STREAM, GROUP)
    await backend.add(type="booked")
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "one", 1))
    for message in read.values():
        message.delivery.outcomes = [RetryLater("note", 0, 2, "no luck")]
    await storage.settle(STREAM, GROUP, "one", read)
    for key in (STREAM, KEYS.retry):
        await backend.client.xgroup_destroy(key, GROUP)
    await eventually(lambda: _promoted(storage, backend, 1))
    async with consuming(storage, dispatcher_of(named(handler, "note")).process_message):
        await eventually(lambda: any(message.attempt == 2 for message in handler.seen))
        await eventually(lambda: _count(0, backend.pending))


async def test_more_retries_than_one_step_promotes_take_several(backend: RedisBackend) -> None:
    storage = backend.storage()
    await backend.client.eval(
        "for n = 1, 250 do redis.call('ZADD', KEYS[1], n, n); redis.call('HSET', KEYS[2], n, 'x') end",
        *(2, KEYS.due, KEYS.delayed),
    )
    steps = [await storage.promote_due(STREAM, GROUP) for _ in range(3)]
    assert steps == [0, 0, None]
    assert await backend.client.xlen(KEYS.retry) == 250


async def test_promotions_continue_while_more_are_due(backend: RedisBackend) -> None:
    storage, handler, count = backend.storage(), Handling(), 800
    await storage.create_group(STREAM, GROUP)
    for _ in range(count):
        await backend.add(type="booked")
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "one", count))
    for message in read.values():
        message.delivery.outcomes = [RetryLater("note", 0, 2, "no luck")]
    await storage.settle(STREAM, GROUP, "one", read)
    async with consuming(storage, dispatcher_of(named(handler, "note")).process_message, batch_count=500):
        await eventually(lambda: len(handler.seen) == count)
        await eventually(lambda: _count(0, backend.pending))


async def test_deleted_retries_are_reported(backend: RedisBackend, caplog: pytest.LogCaptureFixture) -> None:
    """A detected loss is always reported; the other retries run."""
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    first, second = [await backend.add(type="booked") for _ in range(2)]
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "one", 2))
    for message in read.values():
        message.delivery.outcomes = [RetryLater("thank", 0, 2, "no luck")]
    await storage.settle(STREAM, GROUP, "one", read)
    await backend.client.hdel(KEYS.delayed, f"{first}|thank|2")
    assert await storage.promote_due(STREAM, GROUP) is None
    assert f"1 retries of {STREAM} were deleted before they ran: {first}|thank|2" in caplog.text
    again: list[Any] = [message for _, message in await storage.read_events(STREAM, GROUP, "one", 2)]
    assert [message.id for message in again] == [second]


async def test_retries_that_lost_their_due_time_run_at_once(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """The sorted set is a separate key, and may be deleted, or evicted, alone."""
    storage, handler = backend.storage(), Handling()
    await storage.create_group(STREAM, GROUP)
    for _ in range(1200):
        await backend.add(type="booked")
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "one", 1200))
    for message in read.values():
        message.delivery.outcomes = [RetryLater("note", 600, 2, "no luck")]
    await storage.settle(STREAM, GROUP, "one", read)
    await backend.client.delete(KEYS.due)
    async with consuming(storage, dispatcher_of(named(handler, "note")).process_message, batch_count=500):
        await eventually(lambda: len(handler.seen) == 1200)
        await eventually(lambda: _count(0, backend.pending))
    assert {message.attempt for message in handler.seen} == {2}
    assert "without a due time; they run now" in caplog.text


async def test_a_retry_keeps_its_due_time_where_others_have_lost_theirs(backend: RedisBackend) -> None:
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    first, second = [await backend.add(type="booked") for _ in range(2)]
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "one", 2))
    for message in read.values():
        message.delivery.outcomes = [RetryLater("note", 600, 2, "no luck")]
    await storage.settle(STREAM, GROUP, "one", read)
    due = await backend.client.zscore(KEYS.due, f"{first}|note|2")
    await backend.client.zrem(KEYS.due, f"{second}|note|2")
    await eventually(lambda: _promoted(storage, backend, 1))
    assert await backend.client.zrange(KEYS.due, 0, -1, withscores=True) == [
        (f"{first}|note|2".encode(), due)
    ]


async def _promoted(storage: Any, backend: RedisBackend, count: int) -> bool:
    await storage.promote_due(STREAM, GROUP)
    return bool(await backend.client.xlen(KEYS.retry) == count)
