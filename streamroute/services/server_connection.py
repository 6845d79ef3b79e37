"""The connection to the server of a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document


@asynccontextmanager
async def open_server(
    document: Document, *, url: str | None = None, embedded: bool, adopt: bool = False, create: bool = True
) -> AsyncIterator[RedisConnection]:
    """Open a client of the configuration's server, or of the one at ``url``, and send PING.

    The other arguments are those of ``open_redis``, and so are the errors. Raises RedisUnavailableError if
    the server does not answer, or is a sentinel.
    """
    from streamroute.adapters.redis.connection import open_redis

    address = document.redis
    opened = open_redis(
        address.url if url is None else url,
        folder=document.folder,
        written=address.url_in_file if url is None else None,
        embedded=embedded,
        adopt=adopt,
        create=create,
    )
    async with opened as redis:
        await redis.ping()
        yield redis
