"""The public Publisher: what each argument does to the entry, on a real server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from clusters import RealCluster
from consuming import consuming
from publishing_projects import entries, routes
from servers import free_port
from streamroute import Event, Publisher
from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.errors import ConfigError, PublishError, RedisUnavailableError, SetupError
from streamroute.keys import slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import RealServer


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


async def test_it_must_be_open(tmp_path: Path, redis_url: str) -> None:
    publisher = Publisher(routes(tmp_path, redis_url))
    with pytest.raises(SetupError, match="the publisher is not open"):
        await publisher.publish("bot_events", "ping")
    await publisher.close()
    async with publisher:
        with pytest.raises(SetupError, match="is open already"):
            await publisher.open()
    with pytest.raises(SetupError, match="the publisher is not open"):
        await publisher.publish_many("bot_events", [])
    async with publisher:
        assert await publisher.publish("bot_events", "ping")


async def test_a_client_of_the_caller_stays_open(tmp_path: Path, redis_client: Redis) -> None:
    async with Publisher(routes(tmp_path, "redis://nowhere"), client=redis_client) as publisher:
        await publisher.publish("bot_events", "ping")
    assert len(await entries(redis_client)) == 1
    with pytest.raises(SetupError, match="pass a client or a url, not both"):
        Publisher(tmp_path, client=redis_client, url="redis://nowhere")


async def test_a_client_that_decodes_is_refused(tmp_path: Path, redis_url: str) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        with pytest.raises(SetupError, match="must not decode responses"):
            await Publisher(routes(tmp_path, redis_url), client=client).open()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_protocols_give_the_same_ids(
    tmp_path: Path, redis_url: str, redis_client: Redis, protocol: int
) -> None:
    async with (
        Redis.from_url(redis_url, protocol=protocol) as client,
        Publisher(routes(tmp_path, "redis://nowhere"), client=client) as publisher,
    ):
        ids = await publisher.publish_many("bot_events", [Event("ping"), Event("ping")])
        ids += await publisher.publish_many("bot_events", [Event("ping", id="a"), Event("ping", id="a")])
        name = await publisher.publish("bot_events", "ping", delay=60)
    assert list(dict.fromkeys(ids)) == [entry_id for entry_id, _ in await entries(redis_client)]
    assert name.startswith("event-")


async def test_the_embedded_server_is_used_unless_it_is_refused(tmp_path: Path) -> None:
    async with Publisher(routes(tmp_path, "embedded")) as publisher:
        assert await publisher.publish("bot_events", "ping")
    with pytest.raises(RedisUnavailableError, match="the embedded server is refused here"):
        await Publisher(tmp_path, embedded=False).open()


async def test_tasks_share_one(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    async with Publisher(routes(tmp_path, redis_url)) as publisher:
        ids = await asyncio.gather(*(publisher.publish("bot_events", "ping", {"n": n}) for n in range(300)))
        same = await asyncio.gather(*(publisher.publish("audit", "ping", id="a") for _ in range(50)))
    assert sorted(ids) == sorted(entry_id for entry_id, _ in await entries(redis_client))
    assert len(set(same)) == 1
    assert len(await entries(redis_client, "audit")) == 1


async def test_errors_show_no_password_and_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{free_port()}")
    path = routes(tmp_path, "${REDIS_URL}")
    with pytest.raises(RedisUnavailableError, match="refuses the connection") as refused:
        await Publisher(path).open()
    assert "hunter2" not in str(refused.value)
    with pytest.raises(RedisUnavailableError) as refused:
        await Publisher(path, url=f"redis://:hunter2@127.0.0.1:{free_port()}").open()
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SetupError) as wrong:
        await Publisher(path, url="rdis://:hunter2@127.0.0.1").open()
    assert "hunter2" not in str(wrong.value)


async def test_a_lost_connection_is_one_error_and_the_next_call_works(
    tmp_path: Path, start_server: Callable[..., RealServer]
) -> None:
    server = start_server(append_only=True)
    async with Publisher(routes(tmp_path, server.url)) as publisher:
        first = await publisher.publish("bot_events", "ping", {"secret": "hunter2"}, id="a")
        server.kill()
        with pytest.raises(RedisUnavailableError) as lost:
            await publisher.publish("bot_events", "ping", {"secret": "hunter2"}, id="b")
        assert "hunter2" not in str(lost.value)
        server.start()
        assert await publisher.publish("bot_events", "ping", id="a") == first
        assert await publisher.publish("bot_events", "ping", id="b")


async def test_a_worker_adds_a_delayed_event(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    handled = asyncio.Event()

    async def handle(payload: Any) -> None:
        assert payload["n"] == 1
        handled.set()

    async with Publisher(routes(tmp_path, redis_url)) as publisher:
        await publisher.publish("bot_events", "ping", {"n": 1}, delay=0.05, headers={"tenant": "x"})
        assert await redis_client.exists("bot_events") == 0
        async with consuming(RedisStreamStorage(redis_client, block=0.05), handle):
            async with asyncio.timeout(30):
                await handled.wait()
    assert await redis_client.exists("{bot_events}:returning", "{bot_events}:returning:due") == 0


@pytest.mark.processes
async def test_every_fact_is_published_to_a_cluster(tmp_path: Path, server_binary: Path) -> None:
    with RealCluster(server_binary) as cluster:
        async with Publisher(routes(tmp_path, cluster.url)) as publisher:
            ids = await publisher.publish_many("bot_events", [Event("ping")] * 600)
            ids += await publisher.publish_many("bot_events", [Event("ping", id="a"), Event("ping", id="a")])
            other = await publisher.publish("audit", "ping", id="a")
            await publisher.publish("bot_events", "ping", delay=60)
        master = cluster.master_of(slot("bot_events"))
        written = [row[0].decode() for row in master.ask("XRANGE", "bot_events", "-", "+")]
        assert written == list(dict.fromkeys(ids))
        assert master.ask("HLEN", "{bot_events}:returning") == 1
        assert cluster.master_of(slot("audit")).ask("XRANGE", "audit", "-", "+")[0][0].decode() == other


async def test_with_a_server_of_the_caller_the_files_address_may_be_unset(
    tmp_path: Path, redis_url: str, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    path = routes(tmp_path, "${REDIS_URL}")
    with pytest.raises(ConfigError, match='environment variable "REDIS_URL" is not set'):
        await Publisher(path).open()
    async with Publisher(path, client=redis_client) as publisher:
        await publisher.publish("bot_events", "ping")
    async with Publisher(path, url=redis_url) as publisher:
        await publisher.publish("bot_events", "ping")
    assert len(await entries(redis_client)) == 2


@pytest.mark.parametrize("missing", ["set", "hsetnx", "zadd", "time"])
async def test_without_all_rights_an_event_is_not_written_at_all(
    tmp_path: Path, redis_url: str, redis_client: Redis, missing: str
) -> None:
    """Publishing it again, with the rights, would write it twice."""
    rights = ["~*", "+@all", f"-{missing}"]
    await send_command(redis_client, "ACL", "SETUSER", "producer", "reset", "on", ">pw", *rights)
    async with (
        Redis.from_url(redis_url, username="producer", password="pw") as client,
        Publisher(routes(tmp_path, "redis://nowhere"), client=client) as publisher,
    ):
        with pytest.raises(SetupError, match=rf"no permissions? .*{missing}|can't run this command"):
            await publisher.publish("bot_events", "ping", id="a", delay=None if missing == "set" else 9)
    assert await redis_client.keys("*") == []


@pytest.mark.parametrize(
    ("missing", "event"), [("set", Event("ping", id="a")), ("zadd", Event("ping", delay=9))]
)
async def test_without_all_rights_no_event_of_a_chunk_is_written(
    tmp_path: Path, redis_url: str, redis_client: Redis, missing: str, event: Event
) -> None:
    """The error says that none is: an event before the refused one would be written twice."""
    rights = ["~*", "+@all", f"-{missing}"]
    await send_command(redis_client, "ACL", "SETUSER", "producer", "reset", "on", ">pw", *rights)
    async with (
        Redis.from_url(redis_url, username="producer", password="pw") as client,
        Publisher(routes(tmp_path, "redis://nowhere"), client=client) as publisher,
    ):
        with pytest.raises(PublishError, match="of 2 events, 0 are published") as raised:
            await publisher.publish_many("bot_events", [Event("ping"), event])
    assert (raised.value.ids, raised.value.unknown) == ((), 0)
    assert await redis_client.keys("*") == []
