"""Publishers for the streams that routes forward to, and connections that a caller opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from redis.asyncio import Redis

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.stream.publisher import Publisher
from streamroute.adapters.urls.url import Address

RedisClient: TypeAlias = Redis
"""The client that an app of one's own has opened: ``redis.asyncio.Redis``."""


def publishers_by_stream(
    redis: RedisConnection, codecs: Mapping[str, Codec | str]
) -> Callable[[str], Publisher]:
    """Return a function from a stream's name to its publisher, cached by name.

    A stream without an entry in ``codecs`` is written as JSON.
    """

    @cache
    def publisher(stream: str) -> Publisher:
        return Publisher(redis, stream, codecs.get(stream, "json"))

    return publisher


def connection_of(client: RedisClient) -> RedisConnection:
    """Wrap a client that the caller opened and closes; the address holds no password."""
    settings = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    path = settings.get("path")
    url = f"unix://{path}" if path else f"redis://{settings.get('host', '?')}:{settings.get('port', '?')}"
    return RedisConnection(client, Address(url), url)
