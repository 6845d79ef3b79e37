"""The state of an in-memory storage, and the steps that change it, as a server has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.entry_reader import entry_name, is_retry, server_id
from streamroute.adapters.entries.retry_record import RetryRecord, retry_record
from streamroute.adapters.memory.arrivals import Arrivals
from streamroute.adapters.memory.dedupe import MemoryDedupeKeys, MemoryLock
from streamroute.adapters.memory.delayed import Delayed, MemoryDelays
from streamroute.adapters.memory.pauses import MemoryPauses
from streamroute.adapters.memory.stream import MemoryGroup, MemoryStream, Pending
from streamroute.delivery import Delivery
from streamroute.errors import StreamrouteError
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import DeadLetter, RetryLater

Clock = Callable[[], float]
"""Seconds, as ``time.time`` gives them."""


class MemoryServer:
    """Streams, delayed entries and dedupe locks by key; each method is one step, as a script on a server."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.arrivals = Arrivals()
        self.dedupe = MemoryDedupeKeys(clock)
        self.retry_secrets: dict[str, bytes] = {}
        self._streams: dict[str, MemoryStream] = {}
        self._delayed: defaultdict[str, MemoryDelays] = defaultdict(MemoryDelays)
        self._pauses: dict[str, MemoryPauses] = {}

    def pauses(self, keys: GroupKeys) -> MemoryPauses:
        """Return the pauses of a group."""
        if keys.prefix not in self._pauses:
            self._pauses[keys.prefix] = MemoryPauses(self.clock, self.stream(keys.retry), self.arrivals.wake)
        return self._pauses[keys.prefix]

    def clear(self) -> None:
        """Delete everything, including groups."""
        self._streams.clear()
        self._delayed.clear()
        self.dedupe.clear()
        self.retry_secrets.clear()
        self.arrivals.wake()

    def stream(self, key: str) -> MemoryStream:
        """Return the stream with this key, empty if it is new."""
        return self._streams.setdefault(key, MemoryStream())

    def group(self, key: str, name: str) -> tuple[MemoryStream, MemoryGroup]:
        """Return a stream and its group; raises StreamrouteError if there is no such group."""
        stream = self.stream(key)
        if name not in stream.groups:
            raise StreamrouteError(f"NOGROUP the stream {key!r} has no consumer group {name!r}")
        return stream, stream.groups[name]

    def append(self, key: str, fields: Mapping[bytes, bytes]) -> str:
        """Append an entry, and wake waiting reads; returns its id."""
        entry_id = self.stream(key).add(fields, self.clock())
        self.arrivals.wake()
        return entry_id

    def delay(self, key: str, name: str, entry: Delayed) -> None:
        """Delay an entry; does nothing if an entry of this name is delayed already."""
        self._delayed[key].add(name, entry)

    def delayed(self, key: str) -> list[str]:
        """Return the names of delayed entries."""
        return list(self._delayed[key])

    def waiting(self, key: str) -> list[Delayed]:
        """Return the delayed entries, in the order in which they were added."""
        return self._delayed[key].entries()

    def pass_time(self) -> float | None:
        """Append due entries, and end pauses; returns the seconds until that is next to do, or None."""
        waits = [self.promote(key) for key in list(self._delayed)]
        for pauses in self._pauses.values():
            pauses.sync()
            change = pauses.next_change()
            waits.append(None if change is None else change - self.clock())
        return min((wait for wait in waits if wait is not None), default=None)

    @property
    def has_pending(self) -> bool:
        """Whether any group has pending entries."""
        groups = (group for stream in self._streams.values() for group in stream.groups.values())
        return any(group.pending for group in groups)

    def promote(self, key: str) -> float | None:
        """Append due entries to their streams; returns the seconds until the next one is due, or None."""
        for entry in self._delayed[key].take_due(self.clock()):
            self.append(entry.stream, entry.fields)
        return self._delayed[key].wait(self.clock())

    def held(self, keys: GroupKeys, group: str, consumer: str, delivery: Delivery) -> Pending | None:
        """Return the pending entry of a delivery that this consumer still holds, else None."""
        key = keys.stream if delivery.pending_key == keys.stream else keys.retry
        found = self.stream(key).groups.get(group)
        return None if found is None else found.held(consumer, delivery.entry_id, delivery.deliveries)

    def pending(self, keys: GroupKeys, group: str) -> list[str]:
        """Return the ids of the group's pending entries and retries, in the order of their first delivery."""
        return [
            entry_name(keys, key, entry_id)
            for key in (keys.stream, keys.retry)
            if (found := self.stream(key).groups.get(group)) is not None
            for entry_id in found.pending
        ]

    def renew_leases(
        self, keys: GroupKeys, group: str, consumer: str, deliveries: Mapping[str, Delivery]
    ) -> list[tuple[str, int]]:
        """Renew the leases of deliveries; returns those (id, delivery count) that others have claimed."""
        lost = []
        still = set(self.pending(keys, group))
        for name, delivery in deliveries.items():
            held = self.held(keys, group, consumer, delivery)
            if held is not None:
                held.since = self.clock()
            elif name in still:
                lost.append((name, delivery.deliveries))
        return lost

    def may_run(self, keys: GroupKeys, group: str, lock: MemoryLock) -> bool:
        """Whether the message that holds a dedupe lock is pending or waits for a retry."""
        if lock.place == "delayed":
            promoted = self.stream(keys.retry).entries.values()
            names = (RetryRecord.unpack(fields[b"entry"]).name for fields in promoted)
            return lock.id in self._delayed[keys.due] or self.pauses(keys).holds(lock.id) or lock.id in names
        found = self.stream(keys.stream if lock.place == "entry" else keys.retry).groups.get(group)
        return found is not None and lock.id in found.pending

    def write_outcomes(self, keys: GroupKeys, message: Message) -> None:
        """Write the outcomes of a message, and update its dedupe locks."""
        now = self.clock()
        names: dict[str, str] = {}
        for outcome in message.delivery.outcomes or ():
            if isinstance(outcome, DeadLetter):
                self.stream(keys.dead).add(DeadRecord.of(message, outcome).write(), now)
            elif isinstance(outcome, RetryLater):
                record = retry_record(message, outcome)
                names[outcome.route] = record.name
                if outcome.parked_for:
                    self.pauses(keys).park(record)
                    continue
                self.delay(
                    keys.due, record.name, Delayed(now + outcome.delay, keys.retry, {b"entry": record.pack()})
                )
        self.dedupe.settle(message, names)

    def acknowledge(self, keys: GroupKeys, group: str, message_id: str) -> None:
        """Acknowledge an entry, whichever consumer holds it."""
        stream = self.stream(keys.retry if is_retry(message_id) else keys.stream)
        if group in stream.groups:
            stream.groups[group].pending.pop(server_id(message_id), None)
        if is_retry(message_id):
            stream.delete([server_id(message_id)])  # no other group reads it
