"""Delayed events: a worker adds them to their stream when they are due; on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamroute.adapters.entries.outgoing_entry import OutgoingEntry
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream import delayed_events
from streamroute.adapters.stream.delayed_events import DelayedEvents
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.adapters.stream.publishers import connection_of
from streamroute.keys import PublishKeys

if TYPE_CHECKING:
    from redis.asyncio import Redis

STREAM = "bot_events"
KEYS = PublishKeys.of(STREAM)
ENTRY = [b"type", b"t"]


async def delay(client: Redis, seconds: float, event_id: str | None = None) -> str:
    publisher = StreamPublisher(connection_of(client), STREAM)
    (name,) = await publisher.publish_each([OutgoingEntry(ENTRY, event_id, seconds)], remember=60)
    return name


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds, as the only item of a list."""
    now = [1000.0]
    monkeypatch.setattr(delayed_events, "monotonic", lambda: now[0])
    return now


async def test_a_due_event_is_added_and_another_one_waits(redis_client: Redis, clock: list[float]) -> None:
    await delay(redis_client, 0)
    await delay(redis_client, 60)
    events = DelayedEvents(STREAM)
    assert await events.add_due(raw_client(redis_client, STREAM)) == 1.0
    assert await redis_client.xlen(STREAM) == 1
    assert await redis_client.hlen(KEYS.delayed) == 1


async def test_it_looks_again_when_the_next_one_is_due(redis_client: Redis, clock: list[float]) -> None:
    await delay(redis_client, 0.5)
    events = DelayedEvents(STREAM)
    wait = await events.add_due(raw_client(redis_client, STREAM))
    assert wait is not None
    assert wait <= 0.5


async def test_without_delayed_events_it_looks_seldom(redis_client: Redis, clock: list[float]) -> None:
    events, client = DelayedEvents(STREAM), raw_client(redis_client, STREAM)
    assert await events.add_due(client) is None
    await delay(redis_client, 0)
    clock[0] += 4.9
    assert await events.add_due(client) is None
    assert await redis_client.xlen(STREAM) == 0
    clock[0] += 0.2
    assert await events.add_due(client) == 1.0
    assert await redis_client.xlen(STREAM) == 1


async def test_it_looks_often_for_some_time_after_one(redis_client: Redis, clock: list[float]) -> None:
    events, client = DelayedEvents(STREAM), raw_client(redis_client, STREAM)
    await delay(redis_client, 0)
    assert await events.add_due(client) == 1.0
    clock[0] += 0.25
    assert await events.add_due(client) == 0.75
    clock[0] += 0.75
    await delay(redis_client, 0)
    assert await events.add_due(client) == 1.0
    assert await redis_client.xlen(STREAM) == 2
    clock[0] += 600
    assert await events.add_due(client) is None


async def test_a_delayed_event_with_an_id_is_published_once(redis_client: Redis) -> None:
    name = await delay(redis_client, 0, "order-7")
    assert await delay(redis_client, 0, "order-7") == name
    await DelayedEvents(STREAM).add_due(raw_client(redis_client, STREAM))
    assert await delay(redis_client, 0, "order-7") == name
    await DelayedEvents(STREAM).add_due(raw_client(redis_client, STREAM))
    assert await redis_client.xlen(STREAM) == 1
    assert 50 < await redis_client.ttl(KEYS.published("order-7")) <= 60


async def test_an_id_is_remembered_for_the_delay_too(redis_client: Redis) -> None:
    await delay(redis_client, 1000, "order-7")
    assert 1050 < await redis_client.ttl(KEYS.published("order-7")) <= 1060
