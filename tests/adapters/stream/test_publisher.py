"""Publishing: entries in order, all or none, with clear errors; on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.redis.connection import RedisConnection, new_client
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.adapters.urls.url import Address
from streamroute.errors import EncodeError, RedisUnavailableError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servers import RealServer

STREAM = "bot_events"


def publisher(client: Redis, codec: Any = "json") -> StreamPublisher:
    return StreamPublisher(RedisConnection(client, Address("redis://user:hunter2@tests"), ""), STREAM, codec)


async def test_published_entries_are_read_back_by_the_codec(redis_client: Redis) -> None:
    target = publisher(redis_client)
    payloads = [{"type": "t", "n": n, "text": "größer"} for n in range(3)]
    ids = await target.publish([target.encode(payload) for payload in payloads])
    rows: Any = await redis_client.xrange(STREAM)
    assert [entry_id.decode() for entry_id, _ in rows] == ids
    assert [JsonCodec().decode(fields) for _, fields in rows] == payloads


async def test_publishing_nothing_sends_no_command() -> None:
    async with new_client("unix:///nowhere/socket") as client:
        assert await publisher(client).publish([]) == []


async def test_the_last_id_is_that_of_the_newest_entry(redis_client: Redis) -> None:
    target = publisher(redis_client)
    assert await target.last_id() == "0-0"
    ids = await target.publish([target.encode({"type": "t"})] * 2)
    assert await target.last_id() == ids[-1]


async def test_a_full_server_refuses_a_whole_batch_until_there_is_memory(
    start_server: Callable[..., RealServer],
) -> None:
    server = start_server(options=["--maxmemory-policy", "noeviction"])
    async with Redis.from_url(server.url) as client:
        target = publisher(client)
        batch = [target.encode({"type": "t", "secret": "hunter2"})] * 3
        await client.config_set("maxmemory", "1")
        with pytest.raises(RedisUnavailableError, match="maxmemory") as refused:
            await target.publish(batch)
        assert await client.xlen(STREAM) == 0
        await client.config_set("maxmemory", "0")
        assert len(await target.publish(batch)) == 3
        assert "hunter2" not in str(refused.value)


async def test_a_key_that_is_no_stream_is_a_refusal_that_quotes_no_data(redis_client: Redis) -> None:
    await redis_client.set(STREAM, "text")
    target = publisher(redis_client)
    message = r"publishing to bot_events failed, Redis at redis://user:\*\*\*@tests refuses it: WRONGTYPE"
    with pytest.raises(SetupError, match=message) as refused:
        await target.publish([target.encode({"type": "t", "secret": "hunter2"})])
    assert "hunter2" not in str(refused.value)


async def test_an_unreachable_server_is_reported() -> None:
    async with new_client("unix:///nowhere/socket") as client:
        with pytest.raises(RedisUnavailableError, match="no socket there"):
            await publisher(client).last_id()


class Odd:
    """A user's codec with a bug."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        return {}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        return {b"n": payload["number"]}


async def test_a_codec_that_raises_is_blamed(redis_client: Redis) -> None:
    with pytest.raises(EncodeError, match="the codec failed: KeyError: 'number'"):
        publisher(redis_client, Odd()).encode({"type": "t"})
