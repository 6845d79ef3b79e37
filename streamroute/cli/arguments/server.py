"""Opens the server of a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document


@asynccontextmanager
async def open_server(
    document: Document, *, embedded: bool, adopt: bool = False, create: bool = True
) -> AsyncIterator[RedisConnection]:
    """Open a client of the configuration's server, and send PING; see ``open_redis``.

    Raises RedisUnavailableError if the server does not answer, or is a sentinel.
    """
    from streamroute.adapters.redis.connection import open_redis

    address = document.redis
    opened = open_redis(
        address.url,
        folder=document.folder,
        written=address.url_in_file,
        embedded=embedded,
        adopt=adopt,
        create=create,
    )
    async with opened as redis:
        await redis.ping()
        yield redis
