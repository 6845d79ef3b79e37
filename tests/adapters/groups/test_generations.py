"""Which configuration each live worker of a group runs, read from real servers."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from scripted import Scripted
from servers import free_port
from streamroute.adapters.groups.generations import generations_of
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import RedisUnavailableError, SetupError


async def test_a_generation_counts_while_its_worker_is_alive(redis_client: Redis) -> None:
    client: Any = redis_client
    now = await Scripted(client).now()
    alive = f"{now + 60_000} 60000 d"
    workers = {"new": alive, "older": alive, "dead": f"{now - 1} 60000 d", "damaged": "?"}
    await client.hset(KEYS.workers, mapping=workers)
    generations = {"new": "g2", "dead": "g1", "damaged": "g1", "never a worker": "g1"}
    await client.hset(KEYS.generations, mapping=generations)
    assert await generations_of(connection_of(client), STREAM, GROUP) == {"new": "g2", "older": ""}


async def test_a_group_without_workers_runs_no_generation(redis_client: Redis) -> None:
    assert await generations_of(connection_of(redis_client), STREAM, GROUP) == {}


async def test_a_key_of_the_wrong_type_is_an_error_of_the_setup(redis_client: Redis) -> None:
    client: Any = redis_client
    await client.set(KEYS.generations, "a string")
    with pytest.raises(SetupError, match=f"reading the generations of {STREAM}"):
        await generations_of(connection_of(client), STREAM, GROUP)


async def test_a_server_that_is_away_is_unavailable() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        with pytest.raises(RedisUnavailableError):
            await generations_of(connection_of(client), STREAM, GROUP)
