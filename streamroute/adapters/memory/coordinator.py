"""The in-memory coordinator: gives a message access to the other messages and workers of its group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_bytes

from streamroute.adapters.memory.dedupe import MemoryDeduplicator
from streamroute.adapters.stream.coordinator import route_wait
from streamroute.message import Message
from streamroute.values import DedupeDecision, KnownRoutes, Lease, RouteWait


@dataclass(frozen=True, slots=True)
class MemoryCoordinator:
    """See ``RedisCoordinator``; ``workers`` are the live workers.

    ``noted`` are all types that workers have listed, including workers that have left. ``secrets`` has the
    secret of each stream, which all groups share.
    """

    dedupe: MemoryDeduplicator
    workers: Mapping[str, KnownRoutes]
    noted: Collection[str]
    clock: Callable[[], float]
    lease: Lease
    secrets: dict[str, bytes] = field(default_factory=dict)

    async def retry_secret(self, stream: str, *, make: bool) -> bytes | None:
        """See ``SupportsRetrySecret``."""
        await asyncio.sleep(0)
        if make:
            self.secrets.setdefault(stream, token_bytes(32))
        return self.secrets.get(stream)

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        """See ``RedisDeduplicator.begin``."""
        return await self.dedupe.begin(message, route, digest, ttl, formerly)

    async def route_wait(self, message: Message, route: str) -> RouteWait:
        """See ``RedisCoordinator``."""
        await asyncio.sleep(0)
        is_known = any(route in known.routes for known in self.workers.values())
        return route_wait(message, int(self.clock() * 1000), is_known=is_known, lease=self.lease)

    async def type_wait(self, message: Message, message_type: str) -> RouteWait:
        """See ``RedisCoordinator``."""
        await asyncio.sleep(0)
        if message_type not in self.noted:
            return RouteWait(None)
        is_known = any(message_type in known.types for known in self.workers.values())
        return route_wait(message, int(self.clock() * 1000), is_known=is_known, lease=self.lease)
