"""Trimming removes only what every group has finished; dead consumers are deleted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing_first
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.core.storage import cleans_up
from streamroute.errors import Retry, SetupError

ME = (STREAM, GROUP, "me")
OTHER = (STREAM, "mailing", "me")


@pytest.fixture
async def client(redis_client: Any) -> Any:
    """A server with small stream nodes, so that few entries fill several."""
    await redis_client.config_set("stream-node-max-entries", 10)
    yield redis_client
    await redis_client.config_set("stream-node-max-entries", 100)


async def fill(client: Any, count: int, first: int = 1) -> list[str]:
    """Add entries with small ids, which count as produced long ago."""
    ids = [f"{n}-0" for n in range(first, first + count)]
    for entry_id in ids:
        await client.xadd(STREAM, {"type": "booked"}, id=entry_id)
    return ids


async def finished(storage: Any, count: int, who: tuple[str, str, str] = ME) -> None:
    """Read and acknowledge this many entries."""
    await storage.create_group(*who[:2])
    entries = await storage.read_events(*who, count)
    await storage.ack_events(*who[:2], [entry_id for entry_id, _ in entries])


async def tidied(storage: Any) -> None:
    """Clean up until there is nothing left to do."""
    while await storage.clean_up(*ME) < 1:
        pass


async def left(client: Any) -> list[str]:
    return [entry_id.decode() for entry_id, _ in await client.xrange(STREAM)]


def test_cleanup_is_an_optional_capability() -> None:
    assert cleans_up(RedisStreamStorage(Redis()))
    assert cleans_up(MemoryStreamStorage())


async def test_a_stream_is_trimmed_only_if_configured(client: Any) -> None:
    storage = RedisStreamStorage(client)
    await fill(client, 50)
    await finished(storage, 50)
    await tidied(storage)
    assert len(await left(client)) == 50


async def test_entries_that_all_groups_have_finished_are_trimmed(client: Any) -> None:
    storage = RedisStreamStorage(client, trim=0)
    ids = await fill(client, 100)
    await finished(storage, 100)
    await finished(storage, 55, OTHER)
    await tidied(storage)
    assert await left(client) == ids[50:]
    assert storage.trimmed == 50
    await finished(storage, 45, OTHER)
    await tidied(storage)
    assert await left(client) == ids[90:]


async def test_entries_pending_in_any_group_are_kept(client: Any) -> None:
    storage = RedisStreamStorage(client, trim=0)
    ids = await fill(client, 60)
    await finished(storage, 60)
    await storage.create_group(*OTHER[:2])
    entries = await storage.read_events(*OTHER, 60)
    await storage.ack_events(*OTHER[:2], [entry_id for entry_id, _ in entries if entry_id != ids[24]])
    await tidied(storage)
    assert await left(client) == ids[20:]


async def test_entries_unread_by_a_group_are_kept(client: Any) -> None:
    ids = await fill(client, 50)
    await RedisStreamStorage(client).create_group(STREAM, GROUP)
    await tidied(RedisStreamStorage(client, trim=0))
    assert await left(client) == ids
    await client.xgroup_destroy(STREAM, GROUP)
    went, _ = await script("groups/trim_stream").run(raw_client(client, STREAM), [STREAM], [0, 1000])
    assert (went, await left(client)) == (0, ids)


async def test_finished_entries_younger_than_the_limit_are_kept(client: Any) -> None:
    await fill(client, 50)
    young = [(await client.xadd(STREAM, {"type": "booked"})).decode() for _ in range(50)]
    storage = RedisStreamStorage(client, trim=3600)
    await finished(storage, 100)
    await tidied(storage)
    assert await left(client) == young


async def test_ids_beyond_what_lua_can_count_are_compared_right(client: Any) -> None:
    high = 2**63
    for n in range(30):
        await client.xadd(STREAM, {"type": "booked"}, id=f"5-{high + n}")
    storage = RedisStreamStorage(client, trim=0)
    await finished(storage, 25)
    await tidied(storage)
    assert await left(client) == [f"5-{high + n}" for n in range(20, 30)]


async def test_a_retry_outlives_its_trimmed_entry(client: Any) -> None:
    handler = Handling(then=failing_first(20, Retry(delay=0.2)))
    storage = RedisStreamStorage(client, trim=0, block=0.05)
    async with consuming(storage, dispatcher_of(handler).process_message, concurrency=20):
        await fill(client, 20)
        await eventually(lambda: len(handler.seen) >= 20)
        await eventually(lambda: _has_length(10, client, storage))
        await eventually(lambda: len(handler.seen) >= 40)


async def test_consumers_that_are_gone_and_hold_nothing_are_deleted(client: Any) -> None:
    storage = RedisStreamStorage(client, forget_consumers=0)
    await storage.create_group(STREAM, GROUP)
    await fill(client, 1)
    await storage.read_events(STREAM, GROUP, "holds-something", 1)
    for key in (KEYS.stream, KEYS.retry):
        for name in ("gone", "me"):
            await client.xgroup_createconsumer(key, GROUP, name)
    await storage.clean_up(*ME)
    for key, names in ((KEYS.stream, {b"holds-something", b"me"}), (KEYS.retry, {b"me"})):
        assert {consumer["name"] for consumer in await client.xinfo_consumers(key, GROUP)} == names
    assert (await client.xpending(STREAM, GROUP))["pending"] == 1


async def test_consumers_that_were_there_lately_stay(client: Any) -> None:
    storage = RedisStreamStorage(client)
    await storage.create_group(STREAM, GROUP)
    await client.xgroup_createconsumer(STREAM, GROUP, "lately")
    await storage.clean_up(*ME)
    assert len(await client.xinfo_consumers(STREAM, GROUP)) == 1


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 12), st.integers(0, 12))
async def test_the_in_memory_storage_trims_only_finished_entries(
    acked: list[bool], read: int, other: int
) -> None:
    storage = MemoryStreamStorage(block=0, trim=0, clock=lambda: 1000.0)
    ids = [storage.add(STREAM, {"type": "booked"}) for _ in range(12)]
    await storage.create_group(STREAM, GROUP)
    entries = await storage.read_events(*ME, read) if read else []
    done = [entry_id for (entry_id, _), is_done in zip(entries, acked, strict=False) if is_done]
    await storage.ack_events(STREAM, GROUP, done)
    await finished(storage, other, OTHER)
    storage._server.clock = lambda: 2000.0
    await storage.clean_up(*ME)
    needed = [entry_id for entry_id in ids if entry_id not in done or entry_id in ids[other:]]
    assert set(needed) <= set(storage._server.stream(STREAM).entries)


async def _has_length(length: int, client: Any, storage: RedisStreamStorage) -> bool:
    await storage.clean_up(*ME)
    return bool(await client.xlen(STREAM) <= length)


async def test_the_next_step_is_soon_where_something_went_and_later_where_nothing_did(client: Any) -> None:
    storage = RedisStreamStorage(client, trim=1.0)
    await fill(client, 50)
    await finished(storage, 50)
    assert [await storage.clean_up(*ME) for _ in range(2)] == [0.05, 5.0]
    assert storage.trimmed == 50 - len(await left(client)) > 0
    await fill(client, 50, first=51)
    await finished(storage, 50)
    assert await storage.clean_up(*ME) == 0.05
    assert storage.trimmed == 100 - len(await left(client)) > 50
    assert await RedisStreamStorage(client).clean_up(*ME) == 60.0


async def test_consumers_and_routes_are_looked_at_once_a_minute_for_each_group(client: Any) -> None:
    storage = RedisStreamStorage(client, trim=1.0, forget_consumers=0.001)
    for who in (ME, OTHER):
        await storage.create_group(*who[:2])
        await storage.read_events(*who, 1)

    async def looks() -> int:
        return int((await client.info("commandstats")).get("cmdstat_xinfo|consumers", {}).get("calls", 0))

    await client.config_resetstat()
    for who in (ME, OTHER, ME, OTHER):
        await storage.clean_up(*who)
    if "cmdstat_xinfo|consumers" in await client.info("commandstats"):
        assert await looks() == 4  # the stream and its retries, of two groups


async def test_a_key_of_the_wrong_type_is_named(client: Any) -> None:
    storage = RedisStreamStorage(client)
    await storage.create_group(STREAM, GROUP)
    await client.set(KEYS.routes, "a string")
    with pytest.raises(SetupError, match=f"the key {KEYS.routes} is a string.*; rename or delete it"):
        await storage.clean_up(*ME)
