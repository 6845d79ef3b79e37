"""Connections to the node that has a slot: they ask for it when they are made, as those to a master that
sentinels watch do, and find the next one after a failover.
"""

from __future__ import annotations

import weakref
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import AskError, MovedError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streamroute.adapters.cluster import Cluster, known
from streamroute.adapters.hosts import Address

_NO_CONNECTION: Final = (RedisConnectionError, RedisTimeoutError, OSError)


class SlotPool(ConnectionPool):
    """Connections to the node that has a slot; those of None are to any node.

    ``siblings`` are the pools of the cluster by slot; the one of None closes all of them with itself.
    """

    def __init__(self, cluster: Cluster, slot: int | None = None) -> None:
        kind = SlotSSLConnection if issubclass(cluster.kind, SSLConnection) else SlotConnection
        super().__init__(connection_class=kind, **cluster.settings)
        self.connection_kwargs["connection_pool"] = weakref.proxy(self)
        self.cluster = cluster
        self.slot = slot
        self.node: Address | None = None
        self.siblings: dict[int, SlotPool] = {}
        self._others: dict[Address, Redis] = {}

    def __repr__(self) -> str:
        return f"<SlotPool of the slot {self.slot} at {self.node}>"

    def of(self, slot: int) -> SlotPool:
        """The connections of a slot, made once."""
        if slot not in self.siblings:
            self.siblings[slot] = SlotPool(self.cluster, slot)
        return self.siblings[slot]

    def separate(self) -> SlotPool:
        """The same for another event loop, on connections of its own."""
        twin = SlotPool(self.cluster.separate(), self.slot)
        twin.node = self.node
        return twin

    async def find(self) -> Address:
        """Ask the cluster for the node; raises as ``Cluster.find`` does."""
        self.node = await self.cluster.find(self.slot)
        return self.node

    def moved(self, error: MovedError) -> None:
        """The slot is at another node from now on; connections follow as they are taken."""
        self.node = self._named(error)

    def asked(self, error: AskError) -> Redis:
        """A client of the node that the slot is on its way to."""
        node = self._named(error)
        if node not in self._others:
            self._others[node] = self.cluster.client_of(node)
        return self._others[node]

    def doubt(self) -> None:
        """The node does not serve the slot: ask for it anew, and somebody else."""
        self.cluster.doubt()
        self.node = None

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close what is idle or, by default, everything."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for client in self._others.values():
                await client.aclose()
            for pool in self.siblings.values():
                await pool.disconnect()

    def _named(self, error: AskError) -> Address:
        return known(error.host, self.node or ("", 0)), int(error.port)


class SlotConnection(Connection):
    """A connection that is to the slot's node whenever its pool hands it out."""

    def __init__(self, **settings: Any) -> None:
        self.connection_pool: SlotPool = settings.pop("connection_pool")
        super().__init__(**settings)

    async def connect(self) -> None:
        """Connect to the node, unless that is so; where the known one is away, ask for it and try again."""
        known = self.connection_pool.node
        if self.is_connected and (self.host, int(self.port)) == known:
            return
        if known is None:
            await self._connect_to(await self.connection_pool.find())
            return
        try:
            await self._connect_to(known)
        except _NO_CONNECTION:
            found = await self.connection_pool.find()
            if found == known:
                self.connection_pool.doubt()
                raise
            await self._connect_to(found)

    async def _connect_to(self, node: Address) -> None:
        await self.disconnect()
        self.host, self.port = node
        await super().connect()  # type: ignore[no-untyped-call]  # redis-py gives no types


class SlotSSLConnection(SlotConnection, SSLConnection):
    """The same, with TLS."""
