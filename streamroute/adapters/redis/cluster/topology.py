"""The topology of a cluster: which node has a slot, and a client for each node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection
from redis.exceptions import AskError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from streamroute.adapters.redis.channel import MIN_CONNECTIONS
from streamroute.adapters.urls.multi_host import Address

_NODE_TIMEOUT: Final = 1.0
"""Seconds for a node to answer CLUSTER SLOTS; nodes are tried in turn, first the one that answered last."""


class SlotDownError(RedisConnectionError):
    """Raised when no node serves a slot, or when nodes keep redirecting to each other for it."""


_ANSWERED: Final = (ResponseError, SlotDownError)


@dataclass(slots=True)
class Cluster:
    """The nodes of a cluster, starting with the one that answered last.

    ``settings`` and ``connection_class`` are those of every connection. All streams of a node share its
    client, and so its connections.
    """

    nodes: list[Address]
    settings: Mapping[str, Any] = field(repr=False)
    connection_class: type[Connection]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _node_by_slot: dict[int, Address] = field(default_factory=dict)
    _clients: dict[Address, Redis] = field(default_factory=dict)

    def clone_for_loop(self) -> Cluster:
        """Return the same cluster for another event loop, with one connection to each node."""
        return Cluster(
            list(self.nodes), {**self.settings, "max_connections": MIN_CONNECTIONS}, self.connection_class
        )

    def new_client(self, node: Address, **settings: Any) -> Redis:
        """Create a client of one node."""
        address = {"host": node[0], "port": node[1]}
        pool = ConnectionPool(
            connection_class=self.connection_class, **{**self.settings, **settings, **address}
        )
        return Redis.from_pool(pool)

    def client_of(self, node: Address) -> Redis:
        """Return the shared client of a node."""
        if node not in self._clients:
            self._clients[node] = self.new_client(node)
        return self._clients[node]

    @property
    def clients(self) -> Sequence[Redis]:
        """Clients of all nodes used so far."""
        return tuple(self._clients.values())

    async def disconnect(self) -> None:
        """Close the connections to all nodes."""
        for client in self.clients:
            await client.connection_pool.disconnect()

    async def node_of(self, slot: int) -> Address:
        """Return the cached node of a slot, or the result of ``find``."""
        return self._node_by_slot.get(slot) or await self.find(slot)

    async def find(self, slot: int | None) -> Address:
        """Query the cluster for the node of a slot; for None, return any node that answers.

        Raises SlotDownError if no node serves the slot, and what redis-py raises if no node answers.

        Source: https://redis.io/docs/latest/commands/cluster-slots/
        """
        async with self._lock:
            node = await self._find(slot)
        if slot is not None:
            self._node_by_slot[slot] = node
        return node

    def record_move(self, slot: int, error: AskError) -> None:
        """Record that the slot has moved to another node."""
        self._node_by_slot[slot] = self.redirected_node(slot, error)

    def redirected_node(self, slot: int, error: AskError) -> Address:
        """Return the node of a redirection; without a host, it is the node that answered."""
        return resolved_host(error.host, self._node_by_slot.get(slot, ("", 0))), int(error.port)

    def invalidate(self, slot: int | None = None) -> None:
        """Forget the slot's node, and move the node that answered last to the end: it may be cut off."""
        if slot is not None:
            self._node_by_slot.pop(slot, None)
        self.nodes.append(self.nodes.pop(0))

    async def _find(self, slot: int | None) -> Address:
        refusals: list[RedisError | OSError] = []
        for node in tuple(self.nodes):
            try:
                ranges = await self._fetch_slots(node)
            except (RedisError, OSError) as error:
                refusals.append(error)
                continue
            self._update(node, ranges)
            master = node if slot is None else _master_of(slot, ranges, node)
            if master is not None:
                return master
            # The node may have left the cluster: try the others as well.
            self.invalidate()
            refusals.append(SlotDownError(f"no node of the cluster serves the slot {slot} now"))
        # Prefer an error that a node returned to a connection error.
        raise next((error for error in refusals if isinstance(error, _ANSWERED)), refusals[-1])

    async def _fetch_slots(self, node: Address) -> list[Any]:
        async with self.new_client(
            node, socket_timeout=_NODE_TIMEOUT, socket_connect_timeout=_NODE_TIMEOUT
        ) as client:
            reply = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]  # redis-py gives no types
        return list(reply)

    def _update(self, via_node: Address, ranges: list[Any]) -> None:
        named = [_address(node, via_node) for _, _, *nodes in ranges for node in nodes]
        self.nodes[:] = dict.fromkeys([via_node, *self.nodes, *named])


def _master_of(slot: int, ranges: Sequence[Any], via_node: Address) -> Address | None:
    for first, last, master, *_ in ranges:
        if first <= slot <= last:
            return _address(master, via_node)
    return None


def _address(node: Sequence[Any], via_node: Address) -> Address:
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return resolved_host(host, via_node), int(node[1])


def resolved_host(host: str | None, via_node: Address) -> str:
    """Return the host that a node reports; if it is empty or ``?``, the host of the reporting node."""
    return host if host and host != "?" else via_node[0]
