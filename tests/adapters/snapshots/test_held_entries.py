"""What the consumers of a dead process hold, read from real servers."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from servers import free_port
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.snapshots.held_entries import HeldEntries, held_by
from streamroute.adapters.snapshots.worker_snapshot import RunningEntry, WorkerSnapshot
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import RedisUnavailableError

CONSUMER = "host-17-aa"


async def hold(client: Any, key: str, consumer: str, *ids: str) -> None:
    await client.xgroup_create(key, GROUP, id="$", mkstream=True)
    for entry_id in ids:
        await client.xadd(key, {"type": "t"}, id=entry_id)
    await client.xreadgroup(GROUP, consumer, {key: ">"}, count=1_000)


async def test_the_entries_of_one_process_are_found_in_both_streams(redis_client: Redis) -> None:
    client: Any = redis_client
    await hold(client, STREAM, CONSUMER, "1-0", "2-0")
    await client.xadd(STREAM, {"type": "t"}, id="3-0")
    await client.xreadgroup(GROUP, "host-171-bb", {STREAM: ">"})
    await hold(client, KEYS.retry, CONSUMER, "7-0")
    running = [
        RunningEntry("2-0", "2-0", "welcome", 1.5),
        RunningEntry("9-0", "9-0", "done", 1),
        RunningEntry("7-0", "1-9", None, 0, 2, is_retry=True),
    ]
    await client.hset(KEYS.stats, CONSUMER, WorkerSnapshot(at=1, running=running).pack())
    assert await held_by(connection_of(client), STREAM, GROUP, "host-17-") == [
        HeldEntries(STREAM, 2, ["1-0", "2-0"], [running[0]]),
        HeldEntries(KEYS.retry, 1, ["7-0"], [running[2]]),
    ]


@pytest.mark.parametrize("snapshot", [None, b"", b"{", b"\xff" * 100, b"[1]"])
async def test_without_a_snapshot_only_the_entries_are_known(
    redis_client: Redis, snapshot: bytes | None
) -> None:
    client: Any = redis_client
    await hold(client, STREAM, CONSUMER, "1-0")
    if snapshot is not None:
        await client.hset(KEYS.stats, CONSUMER, snapshot)
    assert await held_by(connection_of(client), STREAM, GROUP, "host-17-") == [
        HeldEntries(STREAM, 1, ["1-0"], [])
    ]


async def test_a_key_of_another_type_hides_no_entry(redis_client: Redis) -> None:
    client: Any = redis_client
    await hold(client, STREAM, CONSUMER, "1-0")
    await client.set(KEYS.stats, "a string")
    await client.set(KEYS.retry, "a string")
    (held,) = await held_by(connection_of(client), STREAM, GROUP, "host-17-")
    assert held.ids == ["1-0"]


async def test_nothing_is_held_where_there_is_no_stream(redis_client: Redis) -> None:
    assert await held_by(connection_of(redis_client), STREAM, GROUP, "host-17-") == []


async def test_a_server_that_is_away_is_unavailable() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        with pytest.raises(RedisUnavailableError):
            await held_by(connection_of(client), STREAM, GROUP, "host-17-")
