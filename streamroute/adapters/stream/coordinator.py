"""The coordinator: gives a message access to the other messages and workers of its group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.groups.live_workers import GroupWorkers
from streamroute.adapters.stream.dedupe import RedisDeduplicator
from streamroute.adapters.stream.retry_secret import RetrySecrets
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import DedupeDecision, Lease, RouteWait

RETRY_ELSEWHERE: Final = 1.0  # seconds until a retry is delivered again, if another worker has its route
MAX_WAIT_LEASES: Final = 10
"""Leases for which a message waits for a worker that has its route or lists its type."""


class RedisCoordinator:
    """Attached to each message of ``RedisStreamStorage``; serves one consumer of a group."""

    def __init__(
        self,
        client: Redis,
        keys: GroupKeys,
        group: str,
        consumer: str,
        *,
        lease: Lease,
        former: Sequence[GroupKeys] = (),
    ) -> None:
        self._dedupe = RedisDeduplicator(client, keys, group, consumer, former)
        self._workers = GroupWorkers(client, keys)
        self._secrets = RetrySecrets(lambda _: client)
        self._lease = lease

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        """See ``RedisDeduplicator.begin``."""
        return await self._dedupe.begin(message, route, digest, ttl, formerly)

    async def retry_secret(self, stream: str, *, make: bool) -> bytes | None:
        """See ``SupportsRetrySecret``; raises what redis-py raises."""
        return await self._secrets.get(stream, make=make)

    async def route_wait(self, message: Message, route: str) -> RouteWait:
        """Return how long a retry waits if this worker does not have its route.

        Raises what redis-py raises.
        """
        view = await self._workers.view()
        return route_wait(message, view.time, is_known=route in view.routes, lease=self._lease)

    async def type_wait(self, message: Message, message_type: str) -> RouteWait:
        """Return how long a message waits if no route here lists its type.

        It does not wait if no worker has listed the type lately.

        Raises what redis-py raises.
        """
        view = await self._workers.view()
        is_known = message_type in view.types
        if is_known or message_type in view.former_types:
            return route_wait(message, view.time, is_known=is_known, lease=self._lease)
        return RouteWait(None)

    def listed_types(self) -> frozenset[str] | None:
        """Return the types for which ``type_wait`` waits; None if the workers were not read lately."""
        return self._workers.listed_types()


def route_wait(message: Message, now: int, *, is_known: bool, lease: Lease) -> RouteWait:
    """Return how long a message waits for a worker that has its route or lists its type; ``now`` is in ms.

    It is delivered again within a lease, so that a worker that has the route and runs that long receives it.
    """
    if is_known:
        return RouteWait(RETRY_ELSEWHERE)
    since = message.delivery.unknown_since or now
    passed = (now - since) / 1000
    if passed >= MAX_WAIT_LEASES * lease.seconds:
        return RouteWait(None, since)
    pause = min(max(RETRY_ELSEWHERE, passed / 4), max(RETRY_ELSEWHERE, lease.seconds))
    return RouteWait(min(pause, MAX_WAIT_LEASES * lease.seconds - passed), since)
