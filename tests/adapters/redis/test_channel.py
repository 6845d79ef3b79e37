"""Channel: any number of callers, few connections, first come, first served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from consuming import eventually, within_patience
from servers import free_port
from streamroute.adapters.redis.channel import (
    COMMAND_CONNECTIONS,
    READ_CONNECTIONS,
    channel_of,
    command_connections,
    read_connections,
)
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.raw_client import raw_client, send_command, send_pipelined, send_transaction
from streamroute.errors import SetupError

HANG = ("BLPOP", "nothing", 0)


async def connections(url: str, name: str) -> int:
    """Return the number of connections of clients with this name."""
    async with Redis.from_url(url) as other:
        return sum(client["name"] == name for client in await other.client_list())


@asynccontextmanager
async def busy(client: Redis, calls: int) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Keep this many calls open until the block ends."""
    hanging = [asyncio.create_task(send_pipelined(client, [HANG])) for _ in range(calls)]
    try:
        yield hanging
    finally:
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_thousand_callers_share_a_few_connections(redis_url: str) -> None:
    async with new_client(redis_url, client_name="crowd") as client:
        answers = await asyncio.gather(*(send_command(client, "ECHO", str(n)) for n in range(1000)))
        assert answers == [str(n).encode() for n in range(1000)]
        assert 0 < await connections(redis_url, "crowd") <= COMMAND_CONNECTIONS


async def test_each_caller_gets_its_own_answers_and_errors(redis_url: str) -> None:
    async def ask(client: Any, n: int) -> list[Any]:
        commands: list[CommandArgs] = [("SET", f"k{n}", n), ("LPUSH", f"k{n}", "x"), ("GET", f"k{n}")]
        return await send_pipelined(client, commands[: 1 + n % 3])

    async with new_client(redis_url) as client:
        answers = await asyncio.gather(*(ask(client, n) for n in range(300)))
    for n, got in enumerate(answers):
        assert len(got) == 1 + n % 3
        assert got[0] == b"OK"
        assert all(isinstance(answer, ResponseError) for answer in got[1:2])
        assert got[2:] == [str(n).encode()] * (n % 3 == 2)


async def test_transactions_of_many_callers_do_not_mix(redis_url: str) -> None:
    async with new_client(redis_url) as client:
        raw = raw_client(client, "s")
        calls = (send_transaction(raw, [("INCR", "n"), ("INCR", "n")]) for _ in range(200))
        pairs = await asyncio.gather(*calls)
    assert all(second == first + 1 for first, second in pairs)


async def test_the_longest_waiting_caller_is_served_first(redis_url: str) -> None:
    # Of two connections, one carries commands: with several, the server may read a later round trip first.
    async with new_client(f"{redis_url}?max_connections=2") as client:
        async with busy(client, 1):
            waiting = [asyncio.create_task(send_command(client, "RPUSH", "order", n)) for n in range(100)]
            await asyncio.sleep(0)
        await within_patience(asyncio.gather(*waiting))
        assert await client.lrange("order", 0, -1) == [str(n).encode() for n in range(100)]


async def test_a_caller_cancelled_in_the_queue_sends_nothing(redis_url: str) -> None:
    async with new_client(redis_url) as client:
        async with busy(client, COMMAND_CONNECTIONS):
            gone = asyncio.create_task(send_command(client, "SET", "gone", 1))
            stays = asyncio.create_task(send_command(client, "SET", "stays", 1))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait([gone])
        assert await within_patience(stays) == b"OK"
        assert await send_command(client, "MGET", "gone", "stays") == [None, b"1"]


async def test_a_caller_that_is_cancelled_on_its_way_takes_no_other_answer_along(redis_url: str) -> None:
    async with new_client(redis_url) as client:
        async with busy(client, COMMAND_CONNECTIONS):
            slow = asyncio.create_task(send_pipelined(client, [("BLPOP", "wait", 0)]))
            others = [asyncio.create_task(send_command(client, "ECHO", str(n))) for n in range(5)]
            await asyncio.sleep(0)
        # The first call is sent together with the others behind it, and waits for them.
        await eventually(lambda: _blocked(redis_url))
        slow.cancel()
        async with Redis.from_url(redis_url) as other:
            await other.rpush("wait", "now")
        assert await within_patience(asyncio.gather(*others)) == [str(n).encode() for n in range(5)]


async def test_a_server_that_is_away_is_raised_to_everybody() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        failed = await asyncio.gather(
            *(send_command(client, "PING") for _ in range(50)), return_exceptions=True
        )
    assert {type(error) for error in failed} == {RedisConnectionError}


async def test_a_call_that_cannot_be_packed_raises_and_the_channel_continues(redis_url: str) -> None:
    unfit: Any = object()
    async with new_client(redis_url) as client:
        async with busy(client, COMMAND_CONNECTIONS):
            wrong = asyncio.create_task(send_command(client, "ECHO", unfit))
            await asyncio.sleep(0)
        with pytest.raises(Exception, match="Invalid input of type"):
            await within_patience(wrong)
        assert await send_command(client, "ECHO", "new") == b"new"


async def test_all_users_of_a_client_share_its_channel(redis_url: str) -> None:
    async with new_client(redis_url) as client, new_client(redis_url) as other:
        assert (
            channel_of(client) is channel_of(raw_client(client, "a")) is channel_of(raw_client(client, "b"))
        )
        assert channel_of(client) is not channel_of(other)


@pytest.mark.parametrize(
    ("most", "commands", "reads"),
    [
        (2, 1, 1),
        (3, 1, 2),
        (4, 2, 2),
        (7, COMMAND_CONNECTIONS, READ_CONNECTIONS),
        (100, COMMAND_CONNECTIONS, READ_CONNECTIONS),
    ],
)
async def test_the_connections_of_a_client_are_shared_out(most: int, commands: int, reads: int) -> None:
    async with new_client(f"redis://h/0?max_connections={most}") as client:
        pool = client.connection_pool
        assert (command_connections(pool), read_connections(pool)) == (commands, reads)


async def test_a_client_of_one_connection_can_publish_and_not_consume(redis_url: str) -> None:
    async with Redis.from_url(redis_url, max_connections=1) as client:
        assert await asyncio.gather(*(send_command(client, "ECHO", "a") for _ in range(10))) == [b"a"] * 10
        with pytest.raises(SetupError, match="may open 1 connection; consuming needs 2"):
            read_connections(client.connection_pool)


async def _blocked(url: str) -> bool:
    async with Redis.from_url(url) as other:
        return bool((await other.info("clients"))["blocked_clients"] == 1)
