"""The public Publisher: what each argument does to the entry, on a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streamroute import Event, Publisher

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

ROUTES = """\
version: 1
redis: {{url: "{url}"}}
streams:
  bot_events: {{group: tests{codec}}}
  audit: {{group: tests}}
messages:
  booking.confirmed:
    schema: {{type: object, properties: {{nights: {{type: integer}}}}, required: [nights]}}
  ping: {{}}
routes:
  - {{name: r, stream: bot_events, type: booking.confirmed, handler: trap.door}}
"""


def routes(folder: Path, url: str, *, codec: str = "") -> Path:
    path = folder / "routes.yaml"
    path.write_text(ROUTES.format(url=url, codec=f", {codec}" if codec else ""))
    (folder / "trap.py").write_text("raise SystemExit(9)\n")
    return path


async def entries(client: Redis, stream: str = "bot_events") -> list[Any]:
    rows: Any = await client.xrange(stream)
    return [(entry_id.decode(), fields) for entry_id, fields in rows]


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
