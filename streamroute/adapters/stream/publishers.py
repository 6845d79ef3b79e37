"""The streams that routes forward to, on a connection of ours or of somebody else's."""

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


def outlets(redis: RedisConnection, codecs: Mapping[str, Codec | str]) -> Callable[[str], Publisher]:
    """From a stream's name to the stream, in its codec where that is known, else as JSON."""

    @cache
    def outlet(stream: str) -> Publisher:
        return Publisher(redis, stream, codecs.get(stream, "json"))

    return outlet


def connection_of(client: RedisClient) -> RedisConnection:
    """A connection of somebody else's, who closes it; its address holds no password."""
    settings = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    path = settings.get("path")
    url = f"unix://{path}" if path else f"redis://{settings.get('host', '?')}:{settings.get('port', '?')}"
    return RedisConnection(client, Address(url), url)
