"""Connections to any node of a cluster, for commands without a key such as PING.

Commands for a stream use ``SlotClient``, which has connections to each node.
"""

from __future__ import annotations

import weakref
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import Connection, SSLConnection

from streamroute.adapters.redis.cluster.topology import Cluster


class ClusterPool(ConnectionPool):
    """The pool of a whole cluster; closing it closes the connections to all nodes."""

    def __init__(self, cluster: Cluster) -> None:
        connection_class = (
            AnyNodeSSLConnection if issubclass(cluster.connection_class, SSLConnection) else AnyNodeConnection
        )
        super().__init__(connection_class=connection_class, **cluster.settings)
        self.connection_kwargs["connection_pool"] = weakref.proxy(self)
        self.cluster = cluster

    def __repr__(self) -> str:
        return f"<ClusterPool of {self.cluster}>"

    def clone_for_loop(self) -> ClusterPool:
        """Return the same pool for another event loop, with its own connections."""
        return ClusterPool(self.cluster.clone_for_loop())

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close idle connections or, by default, all."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.cluster.disconnect()


class AnyNodeConnection(Connection):
    """A connection to the first node that answers."""

    def __init__(self, **settings: Any) -> None:
        self.connection_pool: ClusterPool = settings.pop("connection_pool")
        super().__init__(**settings)

    async def connect(self) -> None:
        """Connect to the first node that answers, unless connected."""
        if self.is_connected:
            return
        self.host, self.port = await self.connection_pool.cluster.find(None)
        await super().connect()  # type: ignore[no-untyped-call]  # redis-py gives no types


class AnyNodeSSLConnection(AnyNodeConnection, SSLConnection):
    """The same, with TLS."""
