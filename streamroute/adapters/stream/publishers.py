"""Publishers for the target streams of routes, and connections on a caller's client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from redis.asyncio import Redis

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.raw_client import raw_clients
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.adapters.urls.url import Address
from streamroute.errors import SetupError

RedisClient: TypeAlias = Redis
"""A client that the user's application has opened: ``redis.asyncio.Redis``."""


def publishers_by_stream(
    redis: RedisConnection, codecs: Mapping[str, Codec | str]
) -> Callable[[str], StreamPublisher]:
    """Return a function from a stream's name to its publisher, cached by name.

    The codec of a stream that is not in ``codecs`` is ``json``.
    """

    @cache
    def publisher(stream: str) -> StreamPublisher:
        return StreamPublisher(redis, stream, codecs.get(stream, "json"))

    return publisher


def connection_of_async(client: RedisClient) -> RedisConnection:
    """Wrap a client that the caller opens and closes.

    Raises SetupError for anything but a ``redis.asyncio.Redis`` that does not decode responses.
    """
    given: object = client
    if not isinstance(given, Redis):
        kind = f"{type(given).__module__}.{type(given).__qualname__}"
        raise SetupError(f"the client must be a redis.asyncio.Redis, and this is a {kind}")
    raw_clients(client)
    return connection_of(client)


def connection_of(client: RedisClient) -> RedisConnection:
    """Wrap a client that the caller opens and closes; the address contains no password."""
    settings = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    path = settings.get("path")
    url = f"unix://{path}" if path else f"redis://{settings.get('host', '?')}:{settings.get('port', '?')}"
    return RedisConnection(client, Address(url), url)
