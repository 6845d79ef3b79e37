"""The twin of dedupe: keys, and the messages that have them, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamroute.adapters.entries.dedupe_locks import attach_lock, pending_location, resolve_locks
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import DedupeDecision, DedupeLock


@dataclass(frozen=True, slots=True)
class MemoryLock:
    """Who has a key: a message (its id), where it is, since when; or who had it, until when that counts."""

    message: str
    place: str
    id: str
    since: float
    until: float | None = None


class MemoryDedupeKeys:
    """All keys of dedupe of a storage; times by its clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, MemoryLock] = {}

    def get(self, key: str) -> MemoryLock | None:
        """Who has a key, or had it not too long ago."""
        held = self._held.get(key)
        if held is not None and held.until is not None and held.until <= self._clock():
            del self._held[key]
            return None
        return held

    def take(self, key: str, message: Message) -> None:
        """The message runs with this key."""
        held = self.get(key)
        began = held.since if held and held.message == message.id else self._clock()
        self._held[key] = MemoryLock(message.id, pending_location(message), message.entry_id, began)

    def settle(self, message: Message, names: dict[str, str]) -> None:
        """Write what becomes of the message's dedupe locks; ``names`` are those of its routes' retries."""
        for fate in resolve_locks(message, names):
            held = self.get(fate.key)
            if held is not None and held.message != message.id:
                continue
            since = held.since if held else self._clock()
            if fate.state == "done":
                until = self._clock() + int(fate.fact) / 1000
                self._held[fate.key] = MemoryLock(message.id, "entry", message.entry_id, since, until)
            elif fate.state == "delayed":
                self._held[fate.key] = MemoryLock(message.id, "delayed", str(fate.fact), since)
            else:
                self._held.pop(fate.key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()

    def waited(self, held: MemoryLock) -> float:
        """For how many seconds it has had its key."""
        return self._clock() - held.since


@dataclass(frozen=True, slots=True)
class MemoryDeduplicator:
    """Gives keys of dedupe to the messages that one consumer of a group holds.

    ``lives`` says whether who has a key may still run, ``holds`` whether a message is still the consumer's.
    """

    keys: GroupKeys
    known: MemoryDedupeKeys
    lives: Callable[[MemoryLock], bool]
    holds: Callable[[Message], bool]

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        """See ``RedisDeduplicator``."""
        await asyncio.sleep(0)
        if not self.holds(message):
            return DedupeDecision.LOST, 0.0
        keys = [self.keys.dedupe(name, digest) for name in (route, *formerly)]
        for key in keys:
            held = self.known.get(key)
            if held is not None and held.until is not None:
                return DedupeDecision.SKIP, 0.0
            if held is not None and held.message != message.id and self.lives(held):
                return DedupeDecision.WAIT, self.known.waited(held)
        for key in keys:
            self.known.take(key, message)
        attach_lock(message, route, DedupeLock(keys, ttl))
        return DedupeDecision.RUN, 0.0
