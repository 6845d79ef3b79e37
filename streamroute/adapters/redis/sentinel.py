"""Sentinel: a client that looks up the master at each new connection, and once a second.

After a failover, connections to the old master break or are dropped, and new ones go to the new master.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from typing import Any, Final, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, parse_url
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.exceptions import RedisError

from streamroute.adapters.redis.channel import MIN_CONNECTIONS
from streamroute.adapters.urls.sentinel_url import read_sentinel_url

_REFRESH_EVERY: Final = 1.0
_ADDRESS_SETTINGS: Final = ("host", "port", "connection_class")


class SerialSentinel(Sentinel):
    """Runs one lookup of the master at a time.

    redis-py moves the sentinel that answered to the front of its list; two concurrent lookups may drop one.
    """

    def __init__(self, sentinels: list[Redis]) -> None:
        super().__init__([])  # type: ignore[no-untyped-call]  # redis-py gives no types
        self.sentinels = sentinels
        self.lock = asyncio.Lock()

    async def discover_master(self, service_name: str) -> Any:
        """Return the master's host and port; raises MasterNotFoundError."""
        async with self.lock:
            try:
                return await super().discover_master(service_name)
            except MasterNotFoundError as error:
                # redis-py's message quotes the sentinels' settings, before version 7 with their passwords.
                message = "no sentinel answers, or none knows the master that the URL names"
                if "AuthenticationError" in str(error):
                    message = "the sentinels require a password, or another one"
                raise MasterNotFoundError(message) from None


class MasterPool(SentinelConnectionPool):
    """Connections to a master; closing the pool also closes the connections to the sentinels.

    A background task looks up the master every ``refresh_every`` seconds: a replaced master accepts writes
    for some seconds, and discards them later.
    """

    refresh_every = _REFRESH_EVERY
    _next_refresh = -math.inf
    _refresh: asyncio.Task[None] | None = None

    async def get_connection(self, *arguments: Any, **options: Any) -> AbstractConnection:
        """Return a connection to the master; raises what redis-py raises."""
        if time.monotonic() >= self._next_refresh and (self._refresh is None or self._refresh.done()):
            self._next_refresh = time.monotonic() + self.refresh_every
            self._refresh = asyncio.create_task(self._refresh_master())
        connection: Any = await super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call]  # redis-py gives no types
        if self.master_address not in (None, (connection.host, connection.port)):
            await self._reconnect(connection)
        return cast("AbstractConnection", connection)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close idle connections or, by default, all."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            if self._refresh is not None:
                self._refresh.cancel()
                await asyncio.wait([self._refresh])
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose()

    async def _refresh_master(self) -> None:
        with suppress(RedisError, OSError):  # while no sentinel answers, keep the known master
            await self.get_master_address()  # type: ignore[no-untyped-call]  # redis-py gives no types

    async def _reconnect(self, connection: AbstractConnection) -> None:
        try:
            await connection.disconnect()
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py gives no types
        except BaseException:
            await self.release(connection)
            raise


def master_client(
    url: str, settings: Mapping[str, Any], *, patience: float = 1.0, refresh_every: float = _REFRESH_EVERY
) -> Redis:
    """Return a client of the master in the URL; the URL's parameters override ``settings``.

    Each sentinel has ``patience`` seconds to answer; they are tried in turn, first the one that answered
    last. The master is looked up again every ``refresh_every`` seconds.

    Raises ValueError for an invalid URL or parameter. Sends nothing yet.
    """
    read = read_sentinel_url(url)
    parsed: Mapping[str, Any] = parse_url(read.master_url)
    options = {name: value for name, value in parsed.items() if name not in _ADDRESS_SETTINGS}
    tls = {name: value for name, value in {**settings, **options}.items() if name.startswith("ssl_")}
    login = {"username": read.username, "password": read.password}
    quick = {"socket_timeout": patience, "socket_connect_timeout": patience, "retry": settings["retry"]}
    watching = {"client_name": "streamroute"} | quick | login | tls
    connection_class = parsed.get("connection_class", Connection)
    sentinels = [
        _sentinel(connection_class, {**watching, "host": host, "port": port}) for host, port in read.sentinels
    ]
    master = {**settings, **options, "ssl": connection_class is SSLConnection}
    pool = _pool(read.name, SerialSentinel(sentinels), master)
    pool.refresh_every = refresh_every
    return Redis.from_pool(pool)


def clone_pool(pool: SentinelConnectionPool) -> MasterPool:
    """Return a pool for the same master and settings, with its own connections to master and sentinels."""
    manager = copy(pool.sentinel_manager)
    manager.sentinels = [_clone(sentinel) for sentinel in manager.sentinels]
    if isinstance(manager, SerialSentinel):
        manager.lock = asyncio.Lock()  # a lock belongs to one event loop
    settings = {name: value for name, value in pool.connection_kwargs.items() if name != "connection_pool"}
    options = {
        "connection_class": pool.connection_class,
        "is_master": pool.is_master,
        "check_connection": pool.check_connection,
        "max_connections": MIN_CONNECTIONS,
    }
    return _pool(pool.service_name, manager, {**options, **settings})


def _pool(name: str, manager: Sentinel, settings: Mapping[str, Any]) -> MasterPool:
    return MasterPool(name, manager, **settings)  # type: ignore[no-untyped-call]  # redis-py gives no types


def _clone(sentinel: Redis) -> Redis:
    pool = sentinel.connection_pool
    return _sentinel(pool.connection_class, pool.connection_kwargs)


def _sentinel(connection_class: type[AbstractConnection], settings: Mapping[str, Any]) -> Redis:
    return Redis.from_pool(ConnectionPool(connection_class=connection_class, **settings))
