"""Connections to a server by URL, and what is said when there is none."""

from __future__ import annotations

import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.address import Address, read_address
from streamroute.adapters.cluster_url import is_cluster
from streamroute.adapters.sentinel_url import is_sentinel
from streamroute.errors import EmbeddedServerError, RedisUnavailableError, SetupError
from streamroute.safe_text import safe_str, type_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

CONNECT_TIMEOUT: Final = 5.0  # seconds
SOCKET_TIMEOUT: Final = 10.0
"""Seconds without a reply after which a connection counts as lost; a blocking read must block for less."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open client, and what it is a client of (``str(address)`` is fit to be shown).

    ``url`` is what further clients connect to: for the embedded server, its socket.
    """

    client: Redis
    address: Address
    url: str

    def __repr__(self) -> str:
        return f"<Connection to {self.address}>"

    async def ping(self) -> None:
        """Raises RedisUnavailableError, in words for people, unless the server answers."""
        await ping(self.client, str(self.address))


@asynccontextmanager
async def open_redis(url: str, *, folder: Path, embedded: bool = True) -> AsyncIterator[Connection]:
    """A client for any URL that ``read_address`` takes, closed on leaving.

    ``folder`` is the configuration's. The embedded server is used until leaving, and refused where
    ``embedded`` is false. Nothing is sent before the first command. Raises SetupError for a URL that cannot
    be used, EmbeddedServerError where the embedded server is refused or cannot run.
    """
    address = read_address(url, folder=folder)
    if address.data_folder is None:
        async with new_client(url) as client:
            yield Connection(client, address, url)
        return
    if not embedded:
        raise EmbeddedServerError(
            "the embedded server is refused here; set a server of your own: `redis: {url: redis://...}`"
        )
    async with _embedded_server(address.data_folder) as socket_url, new_client(socket_url) as client:
        yield Connection(client, address, socket_url)


@asynccontextmanager
async def _embedded_server(data_folder: Path) -> AsyncIterator[str]:
    try:
        from streamroute.adapters.embedded import EmbeddedServer  # needs fcntl
    except ImportError as error:
        raise EmbeddedServerError(
            f"the embedded server runs on Linux and macOS only ({error}); set `redis: {{url: redis://...}}`"
        ) from error
    async with EmbeddedServer(data_folder) as url:
        yield url


def new_client(url: str, **options: Any) -> Redis:
    """A client with streamroute's settings; ``options`` and the URL's own parameters win over them.

    redis-py retries nothing: a command that is sent twice may act twice, so whoever sends it decides.
    """
    from redis.asyncio import Redis  # heavy: `check` does without
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

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
        settings["ssl_check_hostname"] = True  # which redis-py does of its own accord since version 6
    try:
        if is_sentinel(url):
            from streamroute.adapters.sentinel import master_client

            return master_client(url, settings | options)
        if is_cluster(url):
            from streamroute.adapters.slot_client import cluster_client

            return cluster_client(url, settings | options)
        return Redis.from_url(url, **settings | options)
    except ValueError:
        # The library's text may quote a part of the URL, and so a password.
        raise SetupError("a parameter in the URL of Redis has a value that cannot be used") from None


def _no_maintenance_notifications() -> dict[str, Any]:
    """The setting without which redis-py 8 hands out connections that the server has closed."""
    try:
        from redis.maint_notifications import MaintNotificationsConfig
    except ImportError:  # an older redis-py, which knows none
        return {}
    return {"maint_notifications_config": MaintNotificationsConfig(enabled=False)}


async def ping(client: Redis, where: str) -> None:
    """Ask the server for a sign of life; ``where`` names it, redacted, in the error.

    Raises RedisUnavailableError if it cannot be reached or refuses us.
    """
    from redis.exceptions import RedisError

    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise unavailable(error, where) from error


def unavailable(error: Exception, where: str) -> RedisUnavailableError:
    """What an error of redis-py or of the network means for the server at ``where``, on one line."""
    return RedisUnavailableError(f"Redis at {where} {_explained(error)}")


def _explained(error: Exception) -> str:
    from redis import exceptions

    if isinstance(error, exceptions.AuthenticationError):
        return f"refuses the user or the password ({_line(error)}); check both in the URL"
    if isinstance(error, exceptions.NoPermissionError):
        return f"does not permit this user to do that: {_line(error)}"
    if isinstance(error, exceptions.BusyLoadingError):
        return "is still loading its data; try again when it has"
    if isinstance(error, exceptions.InvalidResponse):
        return f"does not speak Redis's protocol ({_line(error)}); check the port"
    for cause in _causes(error):
        explained = _explained_cause(cause)
        if explained:
            return explained
    return f"cannot be used: {_line(error)}"


_CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLCertVerificationError, "has a certificate that is not trusted ({}); set ssl_ca_certs in the URL"),
    (ssl.SSLError, "does not do TLS as rediss:// needs it ({}); check the port and the scheme"),
    (socket.gaierror, "has a host name that cannot be found ({}); check it in the URL"),
    (ConnectionRefusedError, "refuses the connection; is the server running, and the address right?"),
    (FileNotFoundError, "has no socket there; is the server running, and the path right?"),
    (PermissionError, "has a socket that this user may not open; check its owner and its mode"),
    (TimeoutError, "does not answer in time; is the address right, and no firewall in between?"),
)


_CLUSTER_DOWN: Final = (
    "is a cluster that does not serve the stream now: the slot has no master, or too many nodes are gone; "
    "CLUSTER NODES says which"
)
_TEXTS: Final = (
    # Several addresses were tried, and asyncio joins their errors.
    (["Connect call failed"], "refuses the connection; is the server running, and the address right?"),
    # redis-py's first word, which Redis 6 understands.
    (["unknown command", "HELLO"], "is too old: streamroute needs Redis 6.2 or newer, or Valkey"),
    (["cluster is down"], _CLUSTER_DOWN),
    (["slot not served"], _CLUSTER_DOWN),
    (["no node of the cluster serves"], _CLUSTER_DOWN),
    (["cluster support disabled"], "is no cluster; write redis:// in its URL"),
    (
        ["Connection closed by server"],
        "closes the connection without a word; is it a Redis server, and does it want rediss://?",
    ),
)


def _explained_cause(cause: BaseException) -> str:
    from redis.asyncio.sentinel import MasterNotFoundError

    text = _line(cause)
    if isinstance(cause, MasterNotFoundError):  # the library's text is a list of the sentinels' own errors
        return "has no master now: no sentinel answers, or none knows one by this name; check both in the URL"
    for kind, template in _CAUSES:
        if isinstance(cause, kind):
            return template.format(text)
    return next((explained for words, explained in _TEXTS if all(word in text for word in words)), "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _line(error: BaseException) -> str:
    return " ".join(safe_str(error).split()) or type_name(error)
