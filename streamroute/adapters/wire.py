"""Replies as the server sends them: redis-py's own parsing costs more than the handling of an entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.sentinel import SentinelConnectionPool

from streamroute.adapters.sentinel import separate_pool
from streamroute.errors import SetupError

Row = tuple[bytes, Any]
"""An entry of a stream: its id and its fields, as sent."""


def unparsed(client: Redis) -> Redis:
    """A client on the same connections whose replies are left as they are.

    Raises SetupError for a client that decodes replies: an entry's bytes need not be text.
    """
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise SetupError("the Redis client must not decode responses: leave out decode_responses=True")
    twin = Redis(connection_pool=client.connection_pool)
    twin.response_callbacks.clear()
    return twin


def separate(client: Redis) -> Redis:
    """A client with the same settings on connections of its own, for another event loop."""
    pool = client.connection_pool
    if isinstance(pool, SentinelConnectionPool):
        twin = Redis.from_pool(separate_pool(pool))
    else:
        own = ConnectionPool(connection_class=pool.connection_class, **pool.connection_kwargs)
        twin = Redis.from_pool(own)
    twin.response_callbacks.clear()
    return twin


async def command(client: Redis, *words: str | bytes | float) -> Any:
    """Send one command and wait for its reply; raises what redis-py raises."""
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py gives no types


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
