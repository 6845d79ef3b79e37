"""Cluster: what is known of it, and which of its nodes has a slot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from streamroute.adapters.hosts import Address

_PATIENCE: Final = 1.0
"""Seconds for a node to say where slots are; they are asked in turn, next time from the one that answered."""


class SlotDownError(RedisConnectionError):
    """Raised where no node serves a slot, or where nodes name one another for it."""


_SAID: Final = (ResponseError, SlotDownError)


@dataclass(eq=False, slots=True)
class Cluster:
    """The nodes of a cluster, the one that answered last first.

    ``settings`` are those of every connection, ``kind`` is its class.
    """

    nodes: list[Address]
    settings: Mapping[str, Any] = field(repr=False)
    kind: type[Connection]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def separate(self) -> Cluster:
        """The same cluster for another event loop."""
        return Cluster(list(self.nodes), self.settings, self.kind)

    def client_of(self, node: Address, **settings: Any) -> Redis:
        """A client of one node, whose replies are left as they are."""
        where = {"host": node[0], "port": node[1]}
        pool = ConnectionPool(connection_class=self.kind, **{**self.settings, **settings, **where})
        client = Redis.from_pool(pool)
        client.response_callbacks.clear()
        return client

    async def find(self, slot: int | None) -> Address:
        """The node that has a slot; for None, any node that answers.

        Raises SlotDownError where those that answer know of none, and as redis-py does where none answers.

        Source: https://redis.io/docs/latest/commands/cluster-slots/
        """
        async with self._turn:
            return await self._find(slot)

    def doubt(self) -> None:
        """Ask the node last that has answered last: it may be cut off from the others."""
        self.nodes.append(self.nodes.pop(0))

    async def _find(self, slot: int | None) -> Address:
        refusals: list[RedisError | OSError] = []
        for node in tuple(self.nodes):
            try:
                ranges = await self._ask(node)
            except (RedisError, OSError) as error:
                refusals.append(error)
                continue
            self._learn(node, ranges)
            found = node if slot is None else _server_of(slot, ranges, node)
            if found is not None:
                return found
            # It may have left the cluster: the others are asked as well.
            self.doubt()
            refusals.append(SlotDownError(f"no node of the cluster serves the slot {slot} now"))
        # What a node says tells more than another's silence.
        raise next((error for error in refusals if isinstance(error, _SAID)), refusals[-1])

    async def _ask(self, node: Address) -> list[Any]:
        async with self.client_of(node, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE) as client:
            reply = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]  # redis-py gives no types
        return list(reply)

    def _learn(self, told: Address, ranges: list[Any]) -> None:
        named = [_address(node, told) for _, _, *nodes in ranges for node in nodes]
        self.nodes[:] = dict.fromkeys([told, *self.nodes, *named])


def _server_of(slot: int, ranges: Sequence[Any], told: Address) -> Address | None:
    for first, last, master, *_ in ranges:
        if first <= slot <= last:
            return _address(master, told)
    return None


def _address(node: Sequence[Any], told: Address) -> Address:
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return known(host, told), int(node[1])


def known(host: str | None, told: Address) -> str:
    """A host as a node gives it; where it is not known (none, or ``?``), that of the node that told of it."""
    return host if host and host != "?" else told[0]
