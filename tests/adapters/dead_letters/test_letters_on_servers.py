"""Dead letters are requeued in one step each, and none is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing
from streamroute.adapters.dead_letters.letters import DeadLetters, StoredDeadLetter
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.adapters.urls.url import read_address
from streamroute.errors import Reject, SetupError
from streamroute.values import RetryPolicy

FOREVER = 10**15


@pytest.fixture
def box(redis_client: Redis, redis_url: str) -> DeadLetters:
    address = read_address(redis_url, folder=Path())
    return DeadLetters(RedisConnection(redis_client, address, redis_url), KEYS.dead)


async def letters(box: DeadLetters) -> list[tuple[StoredDeadLetter, DeadRecord]]:
    """Return all letters with their records."""
    pages = [page async for page in box.pages(since=0, until=FOREVER)]
    return [(stored, stored.record) for page in pages for stored in page if stored.record is not None]


async def died(client: Redis, *handlers: Handling) -> RedisBackend:
    """Return a backend where one entry is a dead letter of each of these handlers."""
    backend = RedisBackend(client)
    async with consuming(backend.storage(), dispatcher_of(*handlers).process_message):
        await backend.add(type="booked", n="1")
        await eventually(lambda: _count(len(handlers), backend))
    return backend


async def test_a_letter_runs_again_for_its_route_alone(redis_client: Redis, box: DeadLetters) -> None:
    bad, worse = Handling("bad", failing(Reject("no"))), Handling("worse", failing(Reject("never")))
    backend = await died(redis_client, bad, worse)
    [chosen] = [letter for letter in await letters(box) if letter[1].route == "consuming.bad"]
    assert await box.requeue([chosen]) == 1
    healed, other = Handling("bad"), Handling("worse")
    async with consuming(backend.storage(), dispatcher_of(healed, other).process_message):
        await eventually(lambda: healed.seen)
        await eventually(lambda: _is_done(backend))
    [message] = healed.seen
    assert (message, message.id, message.attempt) == ({"type": "booked", "n": "1"}, bad.seen[0].id, 1)
    assert [(failure.route, failure.reason) for failure in message.history] == [("consuming.bad", "no")]
    assert other.seen == []
    assert [dead.route for dead in await backend.dead()] == ["consuming.worse"]


async def test_a_group_may_read_the_letters_as_messages(redis_client: Redis) -> None:
    """They are not retries; the reserved key, which describes the failure, is a field like any other."""
    backend, bad = RedisBackend(redis_client), Handling("bad", failing())
    twice = dispatcher_of(bad, retry=RetryPolicy(max_attempts=2, delay=0, jitter=0))
    async with consuming(backend.storage(), twice.process_message):
        await backend.add(type="booked", n="1")
        await eventually(lambda: _count(1, backend))
    storage, alert = RedisStreamStorage(redis_client, block=0.05), Handling("alert")
    await storage.create_group(KEYS.dead, "alerts")
    [(_, message)] = await storage.read_events(KEYS.dead, "alerts", "one", 1)
    await dispatcher_of(alert).process_message(message)
    [seen] = alert.seen
    assert json.loads(seen.pop("_streamroute"))["reason"] == "failed after 2 attempts"
    assert seen == {"type": "booked", "n": "1"}


async def test_concurrent_requeues_of_a_dead_letter_run_it_once(
    redis_client: Redis, box: DeadLetters
) -> None:
    backend = await died(redis_client, Handling("bad", failing(Reject("no"))))
    found = await letters(box)
    assert await box.requeue([*found, *found]) == 1
    assert await box.requeue(found) == 0
    assert await backend.client.xlen(KEYS.retry) == 1
    assert await box.drop(found) == 0


async def test_a_letter_whose_retry_cannot_be_written_stays(redis_client: Redis, box: DeadLetters) -> None:
    backend = await died(redis_client, Handling("bad", failing(Reject("no"))))
    client: Any = redis_client
    await client.delete(KEYS.retry)
    await client.set(KEYS.retry, "not a stream")
    with pytest.raises(SetupError, match="WRONGTYPE"):
        await box.requeue(await letters(box))
    assert len(await backend.dead()) == 1


async def test_letters_are_read_page_by_page_within_bounds(redis_client: Redis, box: DeadLetters) -> None:
    client: Any = redis_client
    for n in range(1, 251):
        await client.xadd(KEYS.dead, {"n": n}, id=f"{n}-1")
    pages = [page async for page in box.pages(since=11, until=240)]
    assert [len(page) for page in pages] == [1, 2, 4, 8, 16, 32, 64, 103]
    assert (pages[0][0].id, pages[-1][-1].id) == ("11-1", "240-1")
    assert (await box.count(), await box.find("7-1")) == (250, StoredDeadLetter("7-1", None))
    assert await box.find("7-2") is None
    assert [page async for page in box.pages(since=5, until=-1)] == []


async def test_an_entry_that_was_undecodable_goes_back_whole(redis_client: Redis, box: DeadLetters) -> None:
    backend = RedisBackend(redis_client)
    async with consuming(backend.storage(), dispatcher_of(Handling()).process_message):
        await backend.add(type="booked", data="{")
        await eventually(backend.dead)
    await box.requeue(await letters(box))
    async with consuming(backend.storage(), dispatcher_of(Handling()).process_message):
        [dead] = await eventually(backend.dead)
    assert dead.fields == {b"type": b"booked", b"data": b"{"}
    assert len(dead.history) == 1
    assert (await backend.client.xpending(STREAM, GROUP))["pending"] == 0


async def _count(expected: int, backend: RedisBackend) -> bool:
    return len(await backend.dead()) == expected


async def _is_done(backend: RedisBackend) -> bool:
    return not await backend.pending() and await backend.client.xlen(KEYS.retry) == 0


async def test_large_letters_are_read_in_small_batches(redis_client: Redis, box: DeadLetters) -> None:
    """No reply is so large that it could not arrive in time."""
    for _ in range(10):
        await redis_client.xadd(box.key, {"x": "x" * (4 * 1024 * 1024)})
    assert [len(page) async for page in box.pages(since=0, until=FOREVER)] == [1, 2, 3, 3, 1]


async def test_letters_that_fill_a_reply_are_read_one_by_one(redis_client: Redis, redis_url: str) -> None:
    redis = RedisConnection(redis_client, read_address(redis_url, folder=Path()), redis_url)
    box = DeadLetters(redis, KEYS.dead, reply_bytes=10)
    for _ in range(3):
        await redis_client.xadd(box.key, {"x": "x" * 10})
    assert [len(page) async for page in box.pages(since=0, until=FOREVER)] == [1, 1, 1]
