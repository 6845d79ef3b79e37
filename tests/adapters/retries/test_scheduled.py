"""Scheduled retries on real servers: read in pages, made due, cancelled; one that is gone stays gone."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from scripted import Scripted
from streamroute.adapters.dead_letters.failure_index import FailureIndex
from streamroute.adapters.dead_letters.letters import DeadLetters
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.retries.scheduled import ScheduledRetries, ScheduledRetry
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import DecodeError, SetupError

FUTURE = 4_000_000_000_000


def scheduled(client: Redis, **settings: Any) -> ScheduledRetries:
    return ScheduledRetries(connection_of(client), KEYS, **settings)


async def schedule(client: Any, number: int, due: int = FUTURE, **fields: str) -> RetryRecord:
    raw = {name.encode(): value.encode() for name, value in (fields or {"type": "t"}).items()}
    record = RetryRecord(f"{number}-0", frozenset(["a"]), 2, raw)
    await client.zadd(KEYS.due, {record.name: due})
    await client.hset(KEYS.delayed, record.name, record.pack())
    return record


def letter_of(record: RetryRecord) -> DeadRecord:
    return DeadRecord(
        id=record.id, stream=KEYS.stream, group="notifications", route="a", reason="cancelled by ann",
        error="", traceback="", attempt=1, deliveries=0, fields=record.fields,
    )  # fmt: skip


async def test_all_retries_are_read_in_pages_in_the_order_of_their_times(redis_client: Redis) -> None:
    for number in range(7):
        await schedule(redis_client, number, FUTURE - number)
    retries = scheduled(redis_client, page=3)
    found = await retries.all()
    assert [retry.name.id for retry in found] == [f"{number}-0" for number in reversed(range(7))]
    assert found[0].due == FUTURE - 6
    assert await retries.count() == 7
    assert await retries.next_ones(2) == found[:2]
    assert await scheduled(redis_client, page=7).all() == found


async def test_a_group_without_retries_has_none(redis_client: Redis) -> None:
    retries = scheduled(redis_client)
    assert (await retries.count(), await retries.all(), await retries.next_ones(5)) == (0, [], [])


async def test_records_are_read_in_bounded_replies_and_large_ones_are_not(redis_client: Redis) -> None:
    client: Any = redis_client
    small = [await schedule(client, number, value="x" * 100) for number in range(5)]
    await schedule(client, 5, value="x" * 10_000)
    await client.hset(KEYS.delayed, (await schedule(client, 6)).name, b"damaged")
    await client.hdel(KEYS.delayed, (await schedule(client, 7)).name)
    retries = scheduled(client, reply_bytes=300)
    found = {
        key.decode(): record for key, record in (await retries.records(await retries.all(), 5000)).items()
    }
    assert [found[record.name] for record in small] == small
    large, damaged = found["5-0|a|2"], found["6-0|a|2"]
    assert isinstance(large, DecodeError)
    assert isinstance(damaged, DecodeError)
    assert "bytes" in str(large)
    assert "7-0|a|2" not in found


async def test_a_retry_is_made_due_now_and_no_later_than_it_was(redis_client: Redis) -> None:
    client: Any = redis_client
    await schedule(client, 1)
    await schedule(client, 2, 5)
    retries = scheduled(client)
    assert await retries.run_now(await retries.all()) == 1
    assert await client.zscore(KEYS.due, "1-0|a|2") <= await Scripted(client).now()
    assert await client.zscore(KEYS.due, "2-0|a|2") == 5


async def test_a_retry_that_is_gone_is_not_made_due(redis_client: Redis) -> None:
    client: Any = redis_client
    assert await scheduled(client).run_now([ScheduledRetry(b"1-0|a|2", FUTURE)]) == 0
    assert not await client.exists(KEYS.due)


async def test_a_cancelled_retry_is_a_dead_letter_which_is_counted(redis_client: Redis) -> None:
    client: Any = redis_client
    record = await schedule(client, 1, type="t", value="\x00binary")
    assert await scheduled(client).cancel({record.name.encode(): letter_of(record)}) == 1
    assert not await client.exists(KEYS.due, KEYS.delayed)
    letters = DeadLetters(connection_of(client), KEYS.dead)
    (letter,) = [stored async for page in letters.pages(since=0, until=2**52) for stored in page]
    assert letter.record is not None
    assert (letter.record.reason, letter.record.fields) == ("cancelled by ann", record.fields)
    reading = await FailureIndex(connection_of(client), KEYS.dead, [KEYS]).read()
    assert reading.is_true


async def test_a_retry_that_is_gone_leaves_no_letter_when_it_is_cancelled(redis_client: Redis) -> None:
    client: Any = redis_client
    record = RetryRecord("1-0", frozenset(["a"]), 2, {b"type": b"t"})
    assert await scheduled(client).cancel({record.name.encode(): letter_of(record)}) == 0
    assert not await client.exists(KEYS.dead)


async def test_a_retry_stays_if_its_letter_cannot_be_written(redis_client: Redis) -> None:
    client: Any = redis_client
    record = await schedule(client, 1)
    await client.set(KEYS.dead, "a string")
    with pytest.raises(SetupError):
        await scheduled(client).cancel({record.name.encode(): letter_of(record)})
    assert await client.hexists(KEYS.delayed, record.name)
    assert await client.zscore(KEYS.due, record.name) == FUTURE


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_protocols_give_the_same_retries(
    redis_client: Redis, redis_url: str, protocol: int
) -> None:
    record = await schedule(redis_client, 1)
    async with Redis.from_url(redis_url, protocol=protocol) as other:
        retries = scheduled(other)
        (found,) = await retries.all()
        assert (found.key.decode(), found.due) == (record.name, FUTURE)
        assert await retries.next_ones(5) == [found]
        assert await retries.records([found], 10_000) == {found.key: record}
        assert await retries.run_now([found]) == 1
