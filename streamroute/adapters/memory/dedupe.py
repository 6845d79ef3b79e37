"""In-memory dedupe: locks, and the messages that hold them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamroute.adapters.entries.dedupe_locks import attach_lock, lock_owner, pending_location, resolve_locks
from streamroute.delivery import Delivery
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import DedupeDecision, DedupeLock


@dataclass(frozen=True, slots=True)
class MemoryLock:
    """The lock of a key: the message that holds it, where the message is pending, and the start.

    ``until`` is the end of the ttl, set when the message has succeeded.
    """

    message: str
    place: str
    id: str
    since: float
    until: float | None = None


class MemoryDedupeKeys:
    """All dedupe locks of a storage; times are by its clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, MemoryLock] = {}

    def get(self, key: str) -> MemoryLock | None:
        """Return the lock of a key, held or within its ttl, or None."""
        held = self._held.get(key)
        if held is not None and held.until is not None and held.until <= self._clock():
            del self._held[key]
            return None
        return held

    def take(self, key: str, message: Message) -> None:
        """Lock the key for a message that runs."""
        held, owner = self.get(key), lock_owner(message)
        began = held.since if held and held.message == owner else self._clock()
        self._held[key] = MemoryLock(owner, pending_location(message), message.delivery.entry_id, began)

    def settle(self, message: Message, names: dict[str, str]) -> None:
        """Update the message's dedupe locks; ``names`` are the names of its retries, by route."""
        owner = lock_owner(message)
        for resolution in resolve_locks(message.delivery, names):
            held = self.get(resolution.key)
            if held is not None and held.message != owner:
                continue
            since = held.since if held else self._clock()
            if resolution.state == "done":
                until = self._clock() + int(resolution.fact) / 1000
                self._held[resolution.key] = MemoryLock(
                    owner, "entry", message.delivery.entry_id, since, until
                )
            elif resolution.state == "delayed":
                self._held[resolution.key] = MemoryLock(owner, "delayed", str(resolution.fact), since)
            else:
                self._held.pop(resolution.key, None)

    def clear(self) -> None:
        """Remove all locks."""
        self._held.clear()

    def waited(self, held: MemoryLock) -> float:
        """Return for how many seconds the lock has been held."""
        return self._clock() - held.since


@dataclass(frozen=True, slots=True)
class MemoryDeduplicator:
    """Locks dedupe keys for the messages that one consumer of a group holds.

    ``lives`` returns whether the holder of a lock may still run, ``holds`` whether the consumer still holds a
    delivery.
    """

    keys: GroupKeys
    known: MemoryDedupeKeys
    lives: Callable[[MemoryLock], bool]
    holds: Callable[[Delivery], bool]

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        """See ``RedisDeduplicator``."""
        await asyncio.sleep(0)
        if not self.holds(message.delivery):
            return DedupeDecision.LOST, 0.0
        keys = [self.keys.dedupe(name, digest) for name in (route, *formerly)]
        for key in keys:
            held = self.known.get(key)
            if held is not None and held.until is not None:
                return DedupeDecision.SKIP, 0.0
            if held is not None and held.message != lock_owner(message) and self.lives(held):
                return DedupeDecision.WAIT, self.known.waited(held)
        for key in keys:
            self.known.take(key, message)
        attach_lock(message.delivery, route, DedupeLock(keys, ttl))
        return DedupeDecision.RUN, 0.0
