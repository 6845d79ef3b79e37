"""A worker's snapshots on real servers: written, replaced and removed; a refusal harms nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import eventually
from scripted import Scripted
from streamroute.adapters.snapshots.worker_snapshot import RouteActivity, WorkerSnapshot
from streamroute.adapters.snapshots.writer import SnapshotAddress, SnapshotWriter
from streamroute.adapters.stream.leases.heartbeat import heartbeat_of

EVERY = 0.02  # seconds
ADDRESS = SnapshotAddress(KEYS, "worker-1")
SNAPSHOT = WorkerSnapshot(at=0, host="web-1", pid=7, routes=(RouteActivity("a", {}, {"succeeded": 1}),))


class Source:
    """Snapshots that the test replaces."""

    def __init__(self) -> None:
        self.snapshots: Mapping[SnapshotAddress, WorkerSnapshot] = {ADDRESS: SNAPSHOT}

    def take(self, silence: float) -> Mapping[SnapshotAddress, WorkerSnapshot]:
        return self.snapshots


@asynccontextmanager
async def writing(client: Any, source: Source, clean_every: float = 60.0) -> AsyncIterator[None]:
    writer, thread = SnapshotWriter(source, every=EVERY, clean_every=clean_every), heartbeat_of(client)
    await thread.add(writer, client)
    try:
        yield
    finally:
        await thread.remove(writer)


async def stored(client: Any, consumer: str = ADDRESS.consumer) -> WorkerSnapshot | None:
    packed = await client.hget(KEYS.stats, consumer)
    return None if packed is None else WorkerSnapshot.unpack(packed)


async def test_a_snapshot_is_written_with_the_time_of_redis(redis_client: Redis) -> None:
    client: Any = redis_client
    before = await Scripted(client).now()
    async with writing(client, Source()):
        found = await eventually(lambda: stored(client))
    assert before <= found.at <= await Scripted(client).now()
    assert found.started <= found.at
    assert replace(found, at=0, started=0) == SNAPSHOT


async def test_a_snapshot_is_replaced_by_the_next(redis_client: Redis) -> None:
    client, source = redis_client, Source()

    async def is_new() -> bool:
        found = await stored(client)
        return found is not None and found.held == 5

    async with writing(client, source):
        await eventually(lambda: stored(client))
        source.snapshots = {ADDRESS: replace(SNAPSHOT, held=5)}
        await eventually(is_new)


async def test_the_snapshot_of_an_idle_stream_is_not_written_again(redis_client: Redis) -> None:
    client, source = redis_client, Source()
    idle, marker = replace(SNAPSHOT, routes=()), SnapshotAddress(KEYS, "marker")
    source.snapshots = {ADDRESS: idle}
    async with writing(client, source):
        first = await eventually(lambda: stored(client))
        source.snapshots = {ADDRESS: idle, marker: SNAPSHOT}
        marked = await eventually(lambda: stored(client, marker.consumer))

        async def is_later() -> bool:
            later = await stored(client, marker.consumer)
            return later is not None and later.at > marked.at

        await eventually(is_later)
        assert await stored(client) == first


async def test_a_stream_that_is_consumed_no_more_has_no_snapshot(redis_client: Redis) -> None:
    client, source = redis_client, Source()

    async def is_gone() -> bool:
        return await stored(client) is None

    async with writing(client, source):
        await eventually(lambda: stored(client))
        source.snapshots = {}
        await eventually(is_gone)


async def test_a_worker_that_ends_removes_its_snapshot(redis_client: Redis) -> None:
    async with writing(redis_client, Source()):
        await eventually(lambda: stored(redis_client))
    assert await stored(redis_client) is None


async def test_the_snapshots_of_dead_workers_are_removed(redis_client: Redis) -> None:
    client: Any = redis_client
    now = await Scripted(client).now()  # this worker's own lease may come later
    await client.hset(
        KEYS.workers, mapping={"dead": f"{now - 1} 60000 d", "alive": f"{now + 60_000} 60000 d"}
    )
    await client.hset(KEYS.stats, mapping={"dead": "{}", "alive": "{}", "never a worker": "{}"})

    async def is_clean() -> bool:
        return {b"dead", b"never a worker"}.isdisjoint(await client.hkeys(KEYS.stats))

    async with writing(client, Source(), clean_every=EVERY):
        await eventually(is_clean)
        assert await client.hexists(KEYS.stats, "alive")
        assert await client.hexists(KEYS.stats, ADDRESS.consumer)


async def test_a_key_of_another_type_is_named_once_and_left_alone(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client, source = redis_client, Source()
    await client.set(KEYS.stats, "a string")
    other = SnapshotAddress(KEYS._replace(stats=f"{KEYS.prefix}:other"), "worker-1")
    with caplog.at_level(logging.WARNING):
        async with writing(client, source):
            await eventually(lambda: caplog.records)
            source.snapshots = {ADDRESS: SNAPSHOT, other: SNAPSHOT}
            await eventually(lambda: client.hget(other.keys.stats, "worker-1"))
    (record,) = caplog.records
    assert "`streamroute status` does not show what this worker does on bot_events" in record.message
    assert KEYS.stats in record.message
    assert await client.get(KEYS.stats) == b"a string"
