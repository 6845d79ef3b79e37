"""Keys that another program uses with another type are named, with advice."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backends import KEYS
from consuming import GROUP, STREAM
from servers import free_port
from streamroute.adapters.groups.key_type_check import explain_wrong_types, require_key_types
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys

STREAMS = {"stream": STREAM, "retry": KEYS.retry, "dead": KEYS.dead}
HASHES = {name: getattr(KEYS, name) for name in ("delayed", "meta", "workers", "routes", "generations")}


async def test_missing_keys_and_keys_of_the_right_type_pass(redis_client: Redis) -> None:
    client: Any = redis_client
    await require_key_types(connection_of(client), KEYS)
    for key in STREAMS.values():
        await client.xadd(key, {"a": "b"})
    for key in HASHES.values():
        await client.hset(key, "a", "b")
    await client.zadd(KEYS.due, {"a": 1})
    before = sorted(await client.keys())
    await require_key_types(connection_of(client), KEYS)
    assert sorted(await client.keys()) == before


@pytest.mark.parametrize("name", [*STREAMS, *HASHES, "due"])
async def test_a_key_of_another_kind_is_named_with_the_kind_that_it_should_be(
    redis_client: Redis, name: str
) -> None:
    client: Any = redis_client
    key, kind = getattr(KEYS, name), "stream" if name in STREAMS else "hash" if name in HASHES else "zset"
    await client.set(key, "not one of ours")
    remedies = {
        "stream": "give the stream another name in routes.yaml, or rename that key",
        "dead": "rename or delete it, or name another stream under dead_letter",
    }
    message = f"the key {key} is a string, and streamroute needs a {kind} there; "
    with pytest.raises(SetupError) as caught:
        await require_key_types(connection_of(client), KEYS)
    assert str(caught.value) == message + remedies.get(name, "rename or delete it")
    with pytest.raises(SetupError) as caught:
        async with explain_wrong_types(raw_client(client, STREAM), KEYS):
            await client.execute_command("LPUSH", key, "a")
    assert str(caught.value) == message + remedies.get(name, "rename or delete it")


async def test_other_keys_of_the_wrong_type_and_other_errors_pass_through(
    redis_client: Redis,
) -> None:
    client: Any = redis_client
    await client.set("somebody else's", "x")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        async with explain_wrong_types(raw_client(client, STREAM), KEYS):
            await client.execute_command("LPUSH", "somebody else's", "a")
    await client.set(KEYS.meta, "x")
    with pytest.raises(ResponseError, match="wrong number"):
        async with explain_wrong_types(raw_client(client, STREAM), KEYS):
            await client.execute_command("LPUSH", KEYS.meta)


async def test_dead_letters_may_lie_in_any_stream(redis_client: Redis) -> None:
    client: Any = redis_client
    await client.set("graveyard", "x")
    with pytest.raises(SetupError, match=r"the key graveyard is a string.* another stream under dead_letter"):
        await require_key_types(connection_of(client), GroupKeys.of(STREAM, GROUP, "graveyard"))


async def test_a_server_that_is_away_is_unavailable() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        with pytest.raises(RedisUnavailableError):
            await require_key_types(connection_of(client), KEYS)
