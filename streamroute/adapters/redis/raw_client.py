"""Clients that return unparsed replies: redis-py's parsing costs more than handling an entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.sentinel import SentinelConnectionPool

from streamroute.adapters.redis.channel import MIN_CONNECTIONS, channel_of
from streamroute.adapters.redis.cluster.client import MULTI, SlotClient, clone_slot_client, slot_client
from streamroute.adapters.redis.cluster.pool import ClusterPool
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.read_commands import ReaderId, ReadResult
from streamroute.adapters.redis.round_trip import NotSentError
from streamroute.adapters.redis.sentinel import clone_pool
from streamroute.adapters.redis.shared_reads import shared_reads_of
from streamroute.errors import SetupError


def raw_client(client: Redis, key: str) -> Redis:
    """Return a client of the key's server, on the same connections, that does not parse replies.

    Raises SetupError if the client decodes responses: an entry may contain bytes that are not text.
    """
    return raw_clients(client)(key)


def raw_clients(client: Redis) -> Callable[[str], Redis]:
    """Return a function from a key to its ``raw_client``, which creates each client once."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        raise SetupError('this client has no pool: for a cluster, give new_client("redis+cluster://...")')
    if pool.connection_kwargs.get("decode_responses"):
        raise SetupError("the Redis client must not decode responses: leave out decode_responses=True")
    if isinstance(pool, ClusterPool):
        return cache(lambda key: slot_client(pool, key))
    raw = Redis(connection_pool=pool)
    raw.response_callbacks.clear()
    return lambda _: raw


def clone_for_loop(client: Redis) -> Redis:
    """Return a client with the same settings for another event loop, with one connection to each server."""
    if isinstance(client, SlotClient):
        return clone_slot_client(client)
    pool = client.connection_pool
    if isinstance(pool, ClusterPool):
        raw = Redis.from_pool(pool.clone_for_loop())
    elif isinstance(pool, SentinelConnectionPool):
        raw = Redis.from_pool(clone_pool(pool))
    else:
        settings = {**pool.connection_kwargs, "max_connections": MIN_CONNECTIONS}
        raw = Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **settings))
    raw.response_callbacks.clear()
    return raw


async def send_command(client: Redis, *words: str | bytes | float) -> Any:
    """Send one command and return its reply; raises what redis-py raises."""
    (answer,) = await _send_as_one(client, [words])
    _raise_first([answer])
    return answer


async def send_each(client: Redis, commands: Sequence[CommandArgs]) -> list[Any]:
    """Send independent commands in one round trip; an answer may be an exception.

    Raises what redis-py raises if the server cannot be reached.
    """
    if isinstance(client, SlotClient):
        return await client.send_each(commands)
    return await send_pipelined(client, commands)


async def send_transaction(client: Redis, commands: Sequence[CommandArgs]) -> list[Any]:
    """Execute all commands or none, and return their answers; raises the first error among them.

    redis-py's transactions are not used: their errors quote the command, including data.
    """
    *queued, executed = await _send_as_one(client, [MULTI, *commands, ("EXEC",)])
    answers = executed if isinstance(executed, list) else [executed]
    _raise_first([*queued, *answers])
    return answers


async def send_pipelined(client: Redis, commands: Sequence[CommandArgs]) -> list[Any]:
    """Send commands to one server in one round trip; an answer may be an exception.

    Raises what redis-py raises if the server cannot be reached or is not ready.
    """
    try:
        return await channel_of(client).send(commands)
    except NotSentError as error:
        cause = error.cause
    raise cause


async def read(client: Redis, reader: ReaderId, keys: tuple[str, ...], count: int, wait: float) -> ReadResult:
    """See ``SharedReads.read``; raises what redis-py raises."""
    if isinstance(client, SlotClient):
        return await client.read(reader, keys, count, wait)
    try:
        return await shared_reads_of(client).read(reader, keys, count, wait)
    except NotSentError as error:
        cause = error.cause
    raise cause


def interrupt_read(client: Redis, reader: ReaderId, keys: tuple[str, ...]) -> None:
    """See ``SharedReads.interrupt``."""
    (client if isinstance(client, SlotClient) else shared_reads_of(client)).interrupt(reader, keys)


async def _send_as_one(client: Redis, commands: Sequence[CommandArgs]) -> list[Any]:
    return await (
        client.send_following(commands)
        if isinstance(client, SlotClient)
        else send_pipelined(client, commands)
    )


def _raise_first(answers: Sequence[Any]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
