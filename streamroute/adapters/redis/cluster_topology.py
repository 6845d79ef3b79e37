"""Cluster: what is known of it, which of its nodes has a slot, and a client for each node."""

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

_PATIENCE: Final = 1.0
"""Seconds for a node to say where slots are; they are asked in turn, next time from the one that answered."""


class SlotDownError(RedisConnectionError):
    """Raised where no node serves a slot, or where nodes name one another for it."""


_ANSWERED: Final = (ResponseError, SlotDownError)


@dataclass(slots=True)
class Cluster:
    """The nodes of a cluster, the one that answered last first.

    ``settings`` are those of every connection, ``kind`` is its class. All streams of a node share its
    client, and so its connections.
    """

    nodes: list[Address]
    settings: Mapping[str, Any] = field(repr=False)
    kind: type[Connection]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _node_by_slot: dict[int, Address] = field(default_factory=dict)
    _clients: dict[Address, Redis] = field(default_factory=dict)

    def clone_for_loop(self) -> Cluster:
        """The same cluster for another event loop, on a connection to each node."""
        return Cluster(list(self.nodes), {**self.settings, "max_connections": MIN_CONNECTIONS}, self.kind)

    def new_client(self, node: Address, **settings: Any) -> Redis:
        """A client of one node."""
        where = {"host": node[0], "port": node[1]}
        pool = ConnectionPool(connection_class=self.kind, **{**self.settings, **settings, **where})
        return Redis.from_pool(pool)

    def client_of(self, node: Address) -> Redis:
        """The client of a node that everybody shares."""
        if node not in self._clients:
            self._clients[node] = self.new_client(node)
        return self._clients[node]

    @property
    def clients(self) -> Sequence[Redis]:
        """The clients of all nodes that were needed so far."""
        return tuple(self._clients.values())

    async def disconnect(self) -> None:
        """Close the connections to all nodes."""
        for client in self.clients:
            await client.connection_pool.disconnect()

    async def node_of(self, slot: int) -> Address:
        """The node that has a slot, as far as is known; else the cluster is asked, as ``find`` does."""
        return self._node_by_slot.get(slot) or await self.find(slot)

    async def find(self, slot: int | None) -> Address:
        """Ask for the node that has a slot; for None, any node that answers.

        Raises SlotDownError where those that answer know of none, and as redis-py does where none answers.

        Source: https://redis.io/docs/latest/commands/cluster-slots/
        """
        async with self._lock:
            node = await self._find(slot)
        if slot is not None:
            self._node_by_slot[slot] = node
        return node

    def record_move(self, slot: int, error: AskError) -> None:
        """The slot is at another node from now on."""
        self._node_by_slot[slot] = self.redirected_node(slot, error)

    def redirected_node(self, slot: int, error: AskError) -> Address:
        """The node that a redirection names; one that names no host means the one that answered."""
        return resolved_host(error.host, self._node_by_slot.get(slot, ("", 0))), int(error.port)

    def invalidate(self, slot: int | None = None) -> None:
        """Ask anew for the slot, and last the node that has answered last: it may be cut off from others."""
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
            found = node if slot is None else _master_of(slot, ranges, node)
            if found is not None:
                return found
            # It may have left the cluster: the others are asked as well.
            self.invalidate()
            refusals.append(SlotDownError(f"no node of the cluster serves the slot {slot} now"))
        # What a node says tells more than another's silence.
        raise next((error for error in refusals if isinstance(error, _ANSWERED)), refusals[-1])

    async def _fetch_slots(self, node: Address) -> list[Any]:
        async with self.new_client(
            node, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
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
    """A host as a node gives it; where it is not known (none, or ``?``), that of the node that told of it."""
    return host if host and host != "?" else via_node[0]
