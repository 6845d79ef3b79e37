"""A round trip returns each command's reply in order, and leaves none for the next round trip."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from consuming import eventually, within_patience
from servers import free_port
from streamroute.adapters.redis.raw_client import send_pipelined


async def test_a_refused_command_is_an_answer_among_others(redis_client: Any) -> None:
    answers = await send_pipelined(redis_client, [("SET", "a", 1), ("LPUSH", "a", "b"), ("GET", "a")])
    assert isinstance(answers[1], ResponseError)
    assert [answers[0], answers[2]] == [b"OK", b"1"]


async def test_a_cancelled_call_leaves_no_reply_for_the_next(redis_client: Any, redis_url: str) -> None:
    async def is_waiting() -> bool:
        return bool((await redis_client.info("clients"))["blocked_clients"])

    async with Redis.from_url(redis_url, max_connections=1) as client:
        waiting = asyncio.create_task(send_pipelined(client, [("ECHO", "old"), ("BLPOP", "nothing", 0)]))
        while not await is_waiting():  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await send_pipelined(client, [("ECHO", "new")]) == [b"new"]


async def test_a_cancelled_call_ends_in_any_state(redis_client: Any, redis_url: str) -> None:
    """Even while it connects or sends: there Python 3.11 may swallow a cancellation."""
    for turns in range(1, 60):
        async with Redis.from_url(redis_url, socket_timeout=20) as client:
            waiting = asyncio.create_task(send_pipelined(client, [("BLPOP", "nothing", 0)]))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting], timeout=60)
            assert waiting.cancelled(), turns


async def test_a_call_that_times_out_leaves_no_reply_for_the_next(redis_url: str) -> None:
    async with Redis.from_url(redis_url, socket_timeout=0.1) as client:

        async def echo(word: str) -> list[Any]:
            # A tenth of a second may be too short for it, or for its connection.
            with suppress(RedisTimeoutError, RedisConnectionError):
                return await send_pipelined(client, [("ECHO", word)])
            return []

        assert await eventually(lambda: echo("connected")) == [b"connected"]
        with pytest.raises(RedisTimeoutError):
            await send_pipelined(client, [("ECHO", "old"), ("BLPOP", "nothing", 0)])
        assert await eventually(lambda: echo("new")) == [b"new"]


async def test_a_packing_error_is_raised_and_keeps_the_connection(redis_client: Any) -> None:
    unfit: Any = object()
    with pytest.raises(Exception, match="Invalid input of type"):
        await send_pipelined(redis_client, [("ECHO", unfit)])
    assert await send_pipelined(redis_client, [("ECHO", "new")]) == [b"new"]


async def test_a_server_that_is_away_is_raised() -> None:
    async with Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as client:
        with pytest.raises(RedisConnectionError):
            await send_pipelined(client, [("PING",)])


async def test_a_swallowed_cancellation_leaves_no_reply_for_the_next(redis_url: str) -> None:
    """As redis-py does on Python 3.11 if a cancellation coincides with the awaited result."""

    class SwallowingConnection(UnixDomainSocketConnection):
        """Swallows a cancellation while it sends a blocking command."""

        async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            await super().send_packed_command(command, check_health)
            task = asyncio.current_task()
            if b"BLPOP" in b"".join(command) and task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)

    pool = ConnectionPool(SwallowingConnection, 1, path=parse_url(redis_url)["path"])
    async with Redis.from_pool(pool) as client:
        task = asyncio.create_task(send_pipelined(client, [("BLPOP", "nothing", 0)]))
        with pytest.raises(asyncio.CancelledError):
            await within_patience(task)
        assert await send_pipelined(client, [("ECHO", "new")]) == [b"new"]
