"""Dedupe: a route runs one message for each value of a key.

The first message with a value runs. While it runs or waits for a retry, others with the value wait; after it
has succeeded, they are skipped for ``ttl``; after it has been dead-lettered, the next one runs. The lock is
updated when its message is settled, in the same script as the acknowledgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.entries.dedupe_locks import attach_lock, lock_owner, pending_location
from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.redis.scripts import script
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import DedupeDecision, DedupeLock

_DECISIONS: Final = (DedupeDecision.RUN, DedupeDecision.SKIP, DedupeDecision.WAIT, DedupeDecision.LOST)


class RedisDeduplicator:
    """Locks dedupe keys for the messages that one consumer of a group holds.

    ``former`` are the keys of the groups that this one has replaced.
    """

    def __init__(
        self, client: Redis, keys: GroupKeys, group: str, consumer: str, former: Sequence[GroupKeys] = ()
    ) -> None:
        self._client = client
        self._keys = keys
        self._group = group
        self._consumer = consumer
        self._former = former

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        """Return whether the route may run for this message, and for how many seconds another holds the key.

        ``digest`` is that of the key's value, ``ttl`` is in seconds after a success, ``formerly`` are the
        route's former names. Locks under former names are respected and also written, for workers that still
        use a former name. A running message is not a duplicate of itself. Raises SetupError if one of the
        keys has the wrong type, and what redis-py raises.
        """
        keys, names = self._keys, (route, *formerly)
        lock_keys = [keys.dedupe(name, digest) for name in names]
        former = [of_group.dedupe(name, digest) for of_group in self._former for name in names]
        async with explain_wrong_types(self._client, keys, [*lock_keys, *former]):
            code, waited = await script("settle/dedupe").run(
                self._client,
                [keys.stream, keys.retry, keys.delayed, *lock_keys, *former],
                [
                    *(self._group, self._consumer, lock_owner(message), route),
                    *(
                        pending_location(message),
                        message.delivery.entry_id,
                        message.delivery.deliveries,
                        len(lock_keys),
                    ),
                ],
            )
        decision = _DECISIONS[code]
        if decision is DedupeDecision.RUN:
            attach_lock(message.delivery, route, DedupeLock(lock_keys, ttl))
        return decision, waited / 1000
