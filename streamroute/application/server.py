"""The server of an application: the user's client, a URL, or the server of the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamroute.adapters.redis.connection import open_redis
from streamroute.adapters.redis.raw_client import raw_clients
from streamroute.adapters.stream.publishers import connection_of

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.adapters.stream.publishers import RedisClient
    from streamroute.config.document import Document


@asynccontextmanager
async def connected(
    document: Document, *, client: RedisClient | None = None, url: str | None = None, embedded: bool = True
) -> AsyncIterator[RedisConnection]:
    """Open a client, and close it on exit, unless it is the user's; send PING.

    Raises SetupError for a client or URL that cannot be used, RedisUnavailableError if the server does not
    answer.
    """
    if client is not None:
        raw_clients(client)
        redis = connection_of(client)
        await redis.ping()
        yield redis
        return
    address = document.redis
    opened = open_redis(
        address.url if url is None else url,
        folder=document.folder,
        written=address.url_in_file if url is None else None,
        embedded=embedded,
    )
    async with opened as redis:
        await redis.ping()
        yield redis
