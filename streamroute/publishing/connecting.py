"""The connection of a program: on its own client, by a URL, or by that of the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamroute.errors import SetupError
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.adapters.stream.publishers import RedisClient
    from streamroute.config.document import Document


@asynccontextmanager
async def connected(
    document: Document, *, client: RedisClient | None = None, url: str | None = None, embedded: bool = True
) -> AsyncIterator[RedisConnection]:
    """Connect, and disconnect on exit; a ``client`` of the program is left open. Sends PING.

    Raises SetupError for a client or URL that cannot be used, RedisUnavailableError if the server does not
    answer.
    """
    if client is None:
        async with open_server(document, url=url, embedded=embedded) as redis:
            yield redis
        return
    if url is not None:
        raise SetupError("pass a client or a url, not both")
    from streamroute.adapters.stream.publishers import connection_of_async

    redis = connection_of_async(client)
    await redis.ping()
    yield redis
