"""Sentinel: a client that asks the sentinels for the master at each new connection.

After a failover the old master's connections break, or refuse to write, and the next ones go to the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import copy
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from streamroute.adapters.sentinel_url import read_sentinel_url

_PATIENCE: Final = 1.0
"""Seconds for a sentinel to answer; they are asked in turn, next time from the one that has answered."""
_NOT_THE_MASTERS: Final = ("host", "port", "connection_class")


class Sentinels(Sentinel):
    """Asks for the master once at a time.

    redis-py moves the one that answered to the front of its list; two lookups at once lose another one.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)  # type: ignore[no-untyped-call]  # redis-py gives no types
        self.turn = asyncio.Lock()

    async def discover_master(self, service_name: str) -> Any:
        """The master's host and port; raises MasterNotFoundError."""
        async with self.turn:
            return await super().discover_master(service_name)


class MasterPool(SentinelConnectionPool):
    """Connections to a master; closed together with those to the sentinels."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close what is idle or, by default, everything."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose()


def master_client(url: str, settings: Mapping[str, Any]) -> Redis:
    """A client of the master that the URL names; what the URL sets wins over ``settings``.

    Raises ValueError for a URL, or a value in it, that cannot be used. Nothing is sent yet.
    """
    read = read_sentinel_url(url)
    own = {name: value for name, value in parse_url(read.master_url).items() if name not in _NOT_THE_MASTERS}
    quick = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
    login = {"username": read.username, "password": read.password}
    manager = Sentinels(
        read.sentinels,
        sentinel_kwargs={"retry": settings["retry"], "client_name": "streamroute"} | quick | login,
    )
    return Redis.from_pool(_pool(read.name, manager, {**settings, **own}))


def separate_pool(pool: SentinelConnectionPool) -> MasterPool:
    """A pool for the same master with the same settings, on connections of its own, to sentinels as well."""
    manager = copy(pool.sentinel_manager)
    manager.sentinels = [_separate(sentinel) for sentinel in manager.sentinels]
    if isinstance(manager, Sentinels):
        manager.turn = asyncio.Lock()  # a lock belongs to one event loop
    settings = {name: value for name, value in pool.connection_kwargs.items() if name != "connection_pool"}
    own = {"is_master": pool.is_master, "check_connection": pool.check_connection}
    return _pool(pool.service_name, manager, {"connection_class": pool.connection_class, **own, **settings})


def _pool(name: str, manager: Sentinel, settings: Mapping[str, Any]) -> MasterPool:
    return MasterPool(name, manager, **settings)  # type: ignore[no-untyped-call]  # redis-py gives no types


def _separate(sentinel: Redis) -> Redis:
    pool = sentinel.connection_pool
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **pool.connection_kwargs))
