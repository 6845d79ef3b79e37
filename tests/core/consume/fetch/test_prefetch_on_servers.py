"""A consumer's prefetch is bounded by its workers and by bytes; other workers get the rest."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from redis.asyncio import Redis

from consuming import GROUP, STREAM, consuming, dispatcher_of, eventually
from streamroute.adapters.stream.storage import RedisStreamStorage

SETTINGS: dict[str, Any] = {"batch_count": 500, "prefetch": 0.1, "concurrency": 4}


class Busy:
    """A handler that starts, and ends when the test allows it."""

    def __init__(self) -> None:
        self.running = 0
        self.go = asyncio.Event()

    async def __call__(self, payload: dict[str, Any], container: Any) -> None:
        self.running += 1
        await self.go.wait()


async def fill(client: Redis, entries: int, size: int) -> None:
    data = json.dumps({"text": "x" * size})
    pipeline = client.pipeline(transaction=False)
    for _ in range(entries):
        pipeline.xadd(STREAM, {"type": "booked", "data": data})
    await pipeline.execute()


async def held(client: Redis) -> int:
    """Return the number of entries that the group's workers hold."""
    summary: dict[str, int] = await client.xpending(STREAM, GROUP)
    return summary["pending"]


async def test_slow_handlers_leave_a_backlog_to_the_other_workers(redis_client: Redis) -> None:
    await fill(redis_client, 1000, 10)
    one, other = Busy(), Busy()
    async with (
        consuming(RedisStreamStorage(redis_client), dispatcher_of(one).process_message, **SETTINGS),
        consuming(RedisStreamStorage(redis_client), dispatcher_of(other).process_message, **SETTINGS),
    ):
        await eventually(lambda: (one.running, other.running) == (4, 4))
        assert await held(redis_client) <= 200
        for busy in (one, other):
            busy.go.set()
        await eventually(lambda: one.running + other.running == 1000)
        assert min(one.running, other.running) > 4


async def test_large_entries_are_not_read_by_the_hundred(redis_client: Redis) -> None:
    """A batch of five hundred would be half a gigabyte."""
    await fill(redis_client, 80, 1_000_000)
    most, busy = [0], Busy()
    busy.go.set()

    async def watch(payload: dict[str, Any]) -> None:
        await dispatcher.process_message(payload)
        most[0] = max(most[0], await held(redis_client))

    dispatcher = dispatcher_of(busy)
    async with consuming(RedisStreamStorage(redis_client), watch, **SETTINGS):
        await eventually(lambda: busy.running == 80)
    assert most[0] <= 50
