"""Replies as the server sends them: redis-py's own parsing costs more than the handling of an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.sentinel import SentinelConnectionPool

from streamroute.adapters.round_trip import Words, together
from streamroute.adapters.sentinel import separate_pool
from streamroute.adapters.slot_client import MULTI, SlotClient, separate_slot_client, slot_client
from streamroute.adapters.slot_pool import SlotPool
from streamroute.errors import SetupError

Row = tuple[bytes, Any]
"""An entry of a stream: its id and its fields, as sent."""


def unparsed(client: Redis, key: str) -> Redis:
    """A client of the server that has this key, on the same connections; replies are left as they are.

    Raises SetupError for a client that decodes replies: an entry's bytes need not be text.
    """
    return clients(client)(key)


def clients(client: Redis) -> Callable[[str], Redis]:
    """``unparsed`` for each key, made once."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        raise SetupError('this client has no pool: for a cluster, give new_client("redis+cluster://...")')
    if pool.connection_kwargs.get("decode_responses"):
        raise SetupError("the Redis client must not decode responses: leave out decode_responses=True")
    if isinstance(pool, SlotPool):
        return cache(lambda key: slot_client(pool, key))
    twin = Redis(connection_pool=pool)
    twin.response_callbacks.clear()
    return lambda _: twin


def separate(client: Redis) -> Redis:
    """A client with the same settings on connections of its own, for another event loop."""
    pool = client.connection_pool
    if isinstance(pool, SlotPool):
        return separate_slot_client(pool)
    if isinstance(pool, SentinelConnectionPool):
        twin = Redis.from_pool(separate_pool(pool))
    else:
        own = ConnectionPool(connection_class=pool.connection_class, **pool.connection_kwargs)
        twin = Redis.from_pool(own)
    twin.response_callbacks.clear()
    return twin


async def command(client: Redis, *words: str | bytes | float) -> Any:
    """Send one command and wait for its reply; raises what redis-py raises."""
    (answer,) = await _as_one(client, [words])
    _raise_first([answer])
    return answer


async def each(client: Redis, commands: Sequence[Words]) -> list[Any]:
    """Send commands that do not depend on each other in one round trip; an answer may be an exception.

    Raises where the server cannot be reached.
    """
    return await (client.each(commands) if isinstance(client, SlotClient) else together(client, commands))


async def transaction(client: Redis, commands: Sequence[Words]) -> list[Any]:
    """The answers to commands that are carried out all or none; raises the first error among them.

    Not redis-py's own transaction: its errors quote the command, and with it somebody's data.
    """
    *queued, executed = await _as_one(client, [MULTI, *commands, ("EXEC",)])
    answers = executed if isinstance(executed, list) else [executed]
    _raise_first([*queued, *answers])
    return answers


async def timed(client: Redis, words: Words) -> tuple[int, Any]:
    """The server's time (ms) from before a command, and the answer; raises what redis-py raises."""
    answers = await _as_one(client, [("TIME",), words])
    _raise_first(answers)
    return milliseconds(answers[0]), answers[1]


async def _as_one(client: Redis, commands: Sequence[Words]) -> list[Any]:
    return await (client.follow(commands) if isinstance(client, SlotClient) else together(client, commands))


def _raise_first(answers: Sequence[Any]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer


def streams(reply: Any) -> Iterator[tuple[str, list[Row]]]:
    """The reply of XREADGROUP: a list of pairs in RESP2, a map in RESP3, nothing when it timed out."""
    if not reply:
        return
    pairs = reply.items() if isinstance(reply, Mapping) else reply
    for name, rows in pairs:
        yield text(name), rows


def attributes(reply: Any) -> dict[str, Any]:
    """A reply of names and values: a flat list in RESP2, a map in RESP3."""
    if isinstance(reply, Mapping):
        return {text(name): value for name, value in reply.items()}
    parts = iter(reply)
    return {text(name): value for name, value in zip(parts, parts, strict=True)}


def milliseconds(reply: Any) -> int:
    """The reply of TIME in ms."""
    seconds, microseconds = reply
    return int(seconds) * 1000 + int(microseconds) // 1000


def text(value: Any) -> str:
    """A name or an id as a string."""
    return value.decode() if isinstance(value, bytes) else str(value)
