"""The public Publisher: what each argument does to the entry, on a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from publishing_projects import entries, routes
from streamroute import Event, Publisher

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis


async def test_one_event_is_written_by_the_streams_codec(
    tmp_path: Path, redis_url: str, redis_client: Redis
) -> None:
    async with Publisher(routes(tmp_path, redis_url)) as publisher:
        entry_id = await publisher.publish("bot_events", "booking.confirmed", {"nights": 3})
    assert await entries(redis_client) == [
        (entry_id, {b"type": b"booking.confirmed", b"data": b'{"nights":3}'})
    ]


async def test_many_events_are_written_in_order(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    async with Publisher(routes(tmp_path, redis_url)) as publisher:
        ids = await publisher.publish_many("bot_events", (Event("ping", {"n": n}) for n in range(1201)))
    rows = await entries(redis_client)
    assert [entry_id for entry_id, _ in rows] == ids
    assert [json.loads(fields[b"data"])["n"] for _, fields in rows] == list(range(1201))


async def test_the_same_id_is_published_once(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    async with Publisher(routes(tmp_path, redis_url), id_ttl="2h") as publisher:
        first = await publisher.publish("bot_events", "ping", {"n": 1}, id="order-7")
        assert await publisher.publish("bot_events", "ping", {"n": 2}, id="order-7") == first
        other = await publisher.publish("audit", "ping", id="order-7")
        many = await publisher.publish_many(
            "bot_events",
            [Event("ping", id="order-7"), Event("ping"), Event("ping", id="b"), Event("ping", id="b")],
        )
    assert many[0] == first
    assert many[2] == many[3]
    assert len(await entries(redis_client)) == 3
    assert [entry_id for entry_id, _ in await entries(redis_client, "audit")] == [other]
    assert 7100 < await redis_client.ttl("{bot_events}:published:order-7") <= 7200
