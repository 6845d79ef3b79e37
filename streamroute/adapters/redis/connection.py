"""Connections to a server by URL."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.redis.unavailable import sentinel_error, unavailable_error
from streamroute.adapters.urls.cluster_url import is_cluster
from streamroute.adapters.urls.sentinel_url import is_sentinel
from streamroute.adapters.urls.tls_files import refuse_special_files
from streamroute.adapters.urls.url import Address, read_address
from streamroute.errors import EmbeddedServerError, SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from redis.asyncio import Redis

CONNECT_TIMEOUT: Final = 5.0  # seconds
SOCKET_TIMEOUT: Final = 10.0
"""Seconds without a reply after which a connection counts as broken; a blocking read must block for less."""


@dataclass(frozen=True, slots=True)
class RedisConnection:
    """An open client and the address of its server (``str(address)`` shows no password).

    ``url`` is the URL for further clients; for the embedded server, that of its socket.
    """

    client: Redis
    address: Address
    url: str

    def __repr__(self) -> str:
        return f"<RedisConnection to {self.address}>"

    async def ping(self) -> None:
        """Raise RedisUnavailableError if the server does not answer or is a sentinel."""
        await ping(self.client, self.address)
        if self.url.startswith(("redis://", "rediss://")) and await _is_sentinel(self.client):
            raise sentinel_error(self.address)


@asynccontextmanager
async def open_redis(
    url: str,
    *,
    folder: Path,
    written: str | None = None,
    embedded: bool = True,
    adopt: bool = False,
    create: bool = True,
) -> AsyncIterator[RedisConnection]:
    """Open a client for any URL that ``read_address`` accepts, and close it on exit.

    ``folder``
        the folder of the configuration.
    ``written``
        the URL as in the configuration, if it contains variables: messages show this instead.
    ``embedded``
        whether the embedded server may be used.
    ``adopt``
        whether the embedded server trusts data that it did not write.
    ``create``
        whether to start the embedded server in a folder without data.

    Sends nothing before the first command. Raises SetupError for an invalid URL, and EmbeddedServerError if
    the embedded server is not allowed or cannot run.
    """
    address = read_address(url, folder=folder, written=written)
    if address.data_folder is None:
        refuse_special_files(url)
        async with new_client(url) as client:
            yield RedisConnection(client, address, url)
        return
    if not embedded:
        raise EmbeddedServerError(
            "the embedded server is refused here; set a server of your own: `redis: {url: redis://...}`"
        )
    running = _embedded_server(address, address.data_folder, adopt=adopt, create=create)
    async with running as socket_url, new_client(socket_url) as client:
        yield RedisConnection(client, address, socket_url)


@asynccontextmanager
async def _embedded_server(
    address: Address, data_folder: Path, *, adopt: bool, create: bool
) -> AsyncIterator[str]:
    try:
        from streamroute.adapters.embedded.server import EmbeddedServer  # needs fcntl
    except ImportError as error:
        raise EmbeddedServerError(
            f"the embedded server runs on Linux and macOS only ({error}); set `redis: {{url: redis://...}}`"
        ) from error
    try:
        async with EmbeddedServer(data_folder, adopt=adopt, create=create) as url:
            yield url
    except EmbeddedServerError as error:
        if address.written is None:
            raise
        raise EmbeddedServerError(_without_folder(str(error), address, data_folder)) from error


def _without_folder(text: str, address: Address, folder: Path) -> str:
    """Replace a folder name that comes from a variable."""
    return text.replace(os.path.realpath(folder), str(address)).replace(str(folder), str(address))


def new_client(url: str, **options: Any) -> Redis:
    """Return a client of redis-py with streamroute's settings; it connects at its first command.

    ``url`` may name a server, sentinels or a cluster. ``options`` are those of redis-py; they and the URL's
    parameters override the settings. Timeouts are in seconds. redis-py's retries are off: a command that is
    sent twice may be executed twice, so callers decide. The caller closes the client.

    >>> client = new_client("redis+cluster://redis-1:6379,redis-2:6379")  # doctest: +SKIP
    >>> storage = RedisStreamStorage(client)  # doctest: +SKIP

    Raises SetupError for a URL that cannot be used.
    """
    from redis.asyncio.retry import Retry  # slow to import, and not needed by `check`
    from redis.backoff import NoBackoff

    from streamroute.adapters.redis.driver_errors import hide_address

    settings: dict[str, Any] = {
        "client_name": "streamroute",
        "decode_responses": False,
        "health_check_interval": 0,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": SOCKET_TIMEOUT,
        **_no_maintenance_notifications(),
    }
    if not url.startswith("unix:"):
        settings["socket_keepalive"] = True
    if url.startswith("rediss") and "ssl_cert_reqs=none" not in url:
        settings["ssl_check_hostname"] = True  # the default since redis-py 6
    client = _client(url, settings | options)
    pool = client.connection_pool
    pool.connection_class = hide_address(pool.connection_class)
    return client


def _client(url: str, settings: Mapping[str, Any]) -> Redis:
    from redis.asyncio import Redis

    try:
        if is_sentinel(url):
            from streamroute.adapters.redis.sentinel import master_client

            return master_client(url, settings)
        if is_cluster(url):
            from streamroute.adapters.redis.cluster.client import cluster_client

            return cluster_client(url, settings)
        return Redis.from_url(url, **settings)
    except ValueError:
        # redis-py's message may quote part of the URL, including a password.
        raise SetupError("a parameter in the URL of Redis has a value that cannot be used") from None


def _no_maintenance_notifications() -> dict[str, Any]:
    """Return the setting that stops redis-py 8 from returning connections that the server has closed."""
    try:
        from redis.maint_notifications import MaintNotificationsConfig
    except ImportError:  # redis-py before 8
        return {}
    return {"maint_notifications_config": MaintNotificationsConfig(enabled=False)}


async def ping(client: Redis, address: Address) -> None:
    """Send PING; raises RedisUnavailableError if the server is unreachable or refuses it."""
    from redis.exceptions import RedisError

    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise unavailable_error(error, address) from error


async def _is_sentinel(client: Redis) -> bool:
    """Whether the server is a sentinel: only sentinels know this command, permitted or not."""
    from redis.exceptions import NoPermissionError, RedisError

    try:
        await client.execute_command("SENTINEL", "MYID")  # type: ignore[no-untyped-call]  # redis-py gives no types
    except NoPermissionError:
        return True
    except (RedisError, OSError):
        return False
    return True
