"""An in-memory storage, for tests that need no server.

>>> storage = MemoryStreamStorage()
>>> storage.add("bot_events", {"type": "booking.confirmed", "user_id": "7"})  # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from streamroute.adapters.codecs.builtin import Codec, codec_named
from streamroute.adapters.entries.entry_reader import EntryReader, is_retry, server_id
from streamroute.adapters.entries.records import DeadRecord, RetryRecord, retry_record
from streamroute.adapters.entries.settlement import needs_settle_script
from streamroute.adapters.memory.arrivals import Arrivals
from streamroute.adapters.memory.coordinator import MemoryCoordinator
from streamroute.adapters.memory.dedupe import MemoryDedupeKeys, MemoryDeduplicator, MemoryLock
from streamroute.adapters.memory.delayed import Delayed, MemoryDelays
from streamroute.adapters.memory.lease_keeper import MemoryLeaseKeeper
from streamroute.adapters.memory.quota_counter import QuotaCounter
from streamroute.adapters.memory.stream import RELEASED, MemoryGroup, MemoryStream, Pending
from streamroute.delivery import Delivery
from streamroute.errors import StreamrouteError
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import ClaimResult, DeadLetter, KnownRoutes, Quotas, RetryLater, SettleResult

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Seconds, as ``time.time`` gives them."""


class MemoryStreamStorage:
    """Behaves like ``RedisStreamStorage``, for any number of processors on one event loop.

    The parameters have the same meaning; ``lease`` and ``block`` are in seconds. ``clock`` determines how
    long entries are idle and when retries are due; a test may set it. While ``refuse`` is set to a reason,
    failures cannot be written, as on a server that is out of memory.
    """

    blocks = True

    def __init__(
        self,
        *,
        codec: Codec | str = "json",
        lease: float = 60.0,
        block: float = 2.0,
        dead_letter: str | None = None,
        trim: float | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.codec = codec_named(codec) if isinstance(codec, str) else codec
        self.refuse: str | None = None
        self.lease = lease
        self.block = block
        self._dead_letter = dead_letter
        self.trim = trim
        self.trimmed = 0
        self._clock = clock
        self._streams: dict[str, MemoryStream] = {}
        self._delayed: defaultdict[str, MemoryDelays] = defaultdict(MemoryDelays)
        self._dedupe = MemoryDedupeKeys(clock)
        self._retry_secrets: dict[str, bytes] = {}
        self._workers: defaultdict[tuple[str, str], dict[str, KnownRoutes]] = defaultdict(dict)
        self._listed: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._numbers = itertools.count(1)
        self._arrivals = Arrivals()

    # For tests: add entries, inspect the state, break things.

    def add(self, stream: str, fields: Mapping[str, str] | Mapping[bytes, bytes]) -> str:
        """Append an entry of raw fields (XADD); returns its id."""
        return self._append(stream, {_bytes(name): _bytes(value) for name, value in fields.items()})

    def publish(self, stream: str, payload: Mapping[str, Any], *, delay: float = 0) -> None:
        """Append a payload, encoded by the storage's codec, after ``delay`` seconds.

        A processor that consumes the stream appends due payloads.
        """
        fields = self.codec.encode(payload)
        if delay > 0:
            due = self._clock() + delay
            self._delayed[stream].add(f"published {next(self._numbers)}", Delayed(due, stream, fields))
        else:
            self._append(stream, fields)

    def delete(self, stream: str, *entry_ids: str) -> None:
        """Delete entries (XDEL), pending or not."""
        self._stream(stream).delete(entry_ids)

    def clear(self) -> None:
        """Delete everything, including groups (FLUSHALL)."""
        self._streams.clear()
        self._delayed.clear()
        self._dedupe.clear()
        self._retry_secrets.clear()
        self._arrivals.wake()

    def destroy_group(self, stream: str, group: str) -> None:
        """Delete a group and its pending list, but not the stream (XGROUP DESTROY)."""
        self._stream(stream).groups.pop(group, None)
        self._arrivals.wake()

    def pending(self, stream: str, group: str) -> list[str]:
        """Return the ids of the group's pending entries and retries, in the order of their first delivery."""
        reader = self._reader(stream, group)
        return [
            reader.name(key, entry_id)
            for key in (reader.keys.stream, reader.keys.retry)
            if (found := self._stream(key).groups.get(group)) is not None
            for entry_id in found.pending
        ]

    def unread(self, stream: str, group: str) -> int:
        """Return how many entries the group has not read yet, including promoted retries."""
        keys = self._keys(stream, group)
        return sum(self._stream(key).unread(group) for key in (keys.stream, keys.retry))

    def dead_letters(self, stream: str, group: str) -> list[DeadRecord]:
        """Return the group's dead letters, oldest first."""
        written = self._stream(self._keys(stream, group).dead).entries.values()
        return [DeadRecord.read(fields) for fields in written]

    def scheduled(self, stream: str, group: str) -> list[str]:
        """Return the names of the group's delayed retries: ``id|route|attempt``."""
        return list(self._delayed[self._keys(stream, group).due])

    # For processors.

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Create the group if it is missing, at the stream's first entry."""
        keys = self._keys(stream_name, group_name)
        for key in (keys.stream, keys.retry):
            self._stream(key).groups.setdefault(group_name, MemoryGroup())

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Read promoted retries, then new entries; waits up to ``block`` seconds for the first."""
        await asyncio.sleep(0)
        entries = self._read(stream_name, group_name, consumer_name, count)
        if not entries:
            await self._arrivals.wait(self.block)
            entries = self._read(stream_name, group_name, consumer_name, count)
        return entries

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Claim entries that were idle for ``min_idle_time`` ms, and released entries."""
        unbounded = Quotas(0, {})
        claimed = await self.claim_within(
            stream_name, group_name, consumer_name, min_idle_time, count, unbounded
        )
        return claimed.entries

    async def claim_within(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        min_idle_time: int,
        count: int,
        quotas: Quotas,
    ) -> ClaimResult:
        """Claim as ``claim_stale_events`` does, within the quota of each delivery count."""
        await asyncio.sleep(0)
        reader, now = self._reader(stream_name, group_name, consumer_name), self._clock()
        entries: list[tuple[str, dict[str, Any]]] = []
        counted = QuotaCounter(quotas)
        for key in (reader.keys.retry, reader.keys.stream):
            stream, group = self._group(key, group_name)
            room, idle = count - len(entries), min_idle_time / 1000
            for entry in stream.claim(group, consumer_name, idle, room, now, quotas.last, counted.is_allowed):
                if entry.fields is None:
                    log.error("the entry %s of %s was deleted while it was pending", entry.id, key)
                    continue
                facts = {"read_at": int(now * 1000), "deliveries": entry.deliveries}
                entries.append(reader.read(key, entry.id, entry.fields, **facts))
        return ClaimResult(entries, counted.held_back, counted.last_deliveries)

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Acknowledge unconditionally, whichever consumer holds the entry."""
        await self.ack_events(stream_name, group_name, [message_id])

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        """Acknowledge many entries unconditionally."""
        await asyncio.sleep(0)
        for message_id in message_ids:
            self._ack(stream_name, group_name, message_id)

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Write every outcome of a message, then acknowledge it, if this consumer still holds it."""
        await asyncio.sleep(0)
        lost, refused = [], {}
        for name, message in messages.items():
            if self._held(stream_name, group_name, consumer_name, message.delivery) is None:
                lost.append(name)
            elif needs_settle_script(message.delivery) and self.refuse is not None:
                refused[name] = self.refuse
            else:
                self._write(self._keys(stream_name, group_name), message)
                self._ack(stream_name, group_name, name)
        return SettleResult(lost, refused)

    async def release(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        messages: Mapping[str, Message],
        *,
        started: bool,
    ) -> None:
        """Release messages that this consumer still holds: the next claim of any worker takes them."""
        await asyncio.sleep(0)
        for message in messages.values():
            held = self._held(stream_name, group_name, consumer_name, message.delivery)
            if held is not None:
                held.consumer = RELEASED
                held.deliveries -= 0 if started else 1

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Move due retries to the retry stream; returns the seconds until the next one is due."""
        await asyncio.sleep(0)
        waits = [self._promote(key) for key in (self._keys(stream_name, group_name).due, stream_name)]
        return min((wait for wait in waits if wait is not None), default=None)

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:  # noqa: ARG002 - the storage's form
        """Trim the stream; returns the seconds until the next step."""
        await asyncio.sleep(0)
        if self.trim is not None:
            self.trimmed += self._stream(stream_name).trim(self._clock() - self.trim)
        return 1.0

    def lease_keeper(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        *,
        held: Callable[[], Mapping[str, Delivery]],
        lost: Callable[[Sequence[tuple[str, int]]], None],
        waiting: Callable[[], Collection[str]] = tuple,  # noqa: ARG002 - an event loop in memory does not hang
        known_routes: Callable[[], KnownRoutes] = KnownRoutes,
    ) -> MemoryLeaseKeeper:
        """Return a keeper that renews leases in real time."""
        alive, listed = self._workers[stream_name, group_name], self._listed[stream_name, group_name]

        def keep(deliveries: Mapping[str, Delivery]) -> list[tuple[str, int]]:
            alive[consumer_name] = known_routes()
            listed.update(alive[consumer_name].types)
            return self._keep(stream_name, group_name, consumer_name, deliveries)

        def leave() -> None:
            alive.pop(consumer_name, None)

        return MemoryLeaseKeeper(keep, leave, lease=self.lease, held=held, lost=lost)

    def _keep(
        self, stream: str, group: str, consumer: str, deliveries: Mapping[str, Delivery]
    ) -> list[tuple[str, int]]:
        lost = []
        still = set(self.pending(stream, group))
        for name, delivery in deliveries.items():
            held = self._held(stream, group, consumer, delivery)
            if held is not None:
                held.since = self._clock()
            elif name in still:
                lost.append((name, delivery.deliveries))
        return lost

    def _keys(self, stream: str, group: str) -> GroupKeys:
        return GroupKeys.of(stream, group, self._dead_letter)

    def _reader(self, stream: str, group: str, consumer: str = "") -> EntryReader:
        keys = self._keys(stream, group)
        dedupe = MemoryDeduplicator(
            keys,
            self._dedupe,
            lives=lambda held: self._lives(keys, group, held),
            holds=lambda delivery: self._held(stream, group, consumer, delivery) is not None,
        )
        alive, listed = self._workers[stream, group], self._listed[stream, group]
        coordinator = MemoryCoordinator(dedupe, alive, listed, self._clock, self.lease, self._retry_secrets)
        return EntryReader(self.codec, keys, group, coordinator)

    def _lives(self, keys: GroupKeys, group: str, held: MemoryLock) -> bool:
        """Whether the message that holds a dedupe lock is pending or waits for a retry."""
        if held.place == "delayed":
            promoted = self._stream(keys.retry).entries.values()
            names = (RetryRecord.unpack(fields[b"entry"]).name for fields in promoted)
            return held.id in self._delayed[keys.due] or held.id in names
        found = self._stream(keys.stream if held.place == "entry" else keys.retry).groups.get(group)
        return found is not None and held.id in found.pending

    def _stream(self, key: str) -> MemoryStream:
        return self._streams.setdefault(key, MemoryStream())

    def _group(self, key: str, group: str) -> tuple[MemoryStream, MemoryGroup]:
        stream = self._stream(key)
        if group not in stream.groups:
            raise StreamrouteError(f"NOGROUP the stream {key!r} has no consumer group {group!r}")
        return stream, stream.groups[group]

    def _read(self, stream: str, group: str, consumer: str, count: int) -> list[tuple[str, dict[str, Any]]]:
        reader, now = self._reader(stream, group, consumer), self._clock()
        facts = {"read_at": int(now * 1000), "deliveries": 1}
        found = [(key, *self._group(key, group)) for key in (reader.keys.retry, reader.keys.stream)]
        return [
            reader.read(key, entry_id, fields, **facts)
            for key, entries, held in found
            for entry_id, fields in entries.read(held, consumer, count, now)
        ]

    def _held(self, stream: str, group: str, consumer: str, delivery: Delivery) -> Pending | None:
        keys = self._keys(stream, group)
        entries = self._stream(keys.stream if delivery.pending_key == stream else keys.retry)
        found = entries.groups.get(group)
        if found is None:
            return None
        return found.held(consumer, delivery.entry_id, delivery.deliveries)

    def _write(self, keys: GroupKeys, message: Message) -> None:
        now = self._clock()
        names: dict[str, str] = {}
        for outcome in message.delivery.outcomes or ():
            if isinstance(outcome, DeadLetter):
                self._stream(keys.dead).add(DeadRecord.of(message, outcome).write(), now)
            elif isinstance(outcome, RetryLater):
                record = retry_record(message, outcome)
                names[outcome.route] = record.name
                delayed = Delayed(now + outcome.delay, keys.retry, {b"entry": record.pack()})
                self._delayed[keys.due].add(record.name, delayed)
        self._dedupe.settle(message, names)

    def _ack(self, stream: str, group: str, message_id: str) -> None:
        keys = self._keys(stream, group)
        entries = self._stream(keys.retry if is_retry(message_id) else keys.stream)
        if group in entries.groups:
            entries.groups[group].pending.pop(server_id(message_id), None)
        if is_retry(message_id):
            entries.delete([server_id(message_id)])  # no other group reads it

    def _promote(self, key: str) -> float | None:
        for retry in self._delayed[key].take_due(self._clock()):
            self._append(retry.stream, retry.fields)
        return self._delayed[key].wait(self._clock())

    def _append(self, stream: str, fields: Mapping[bytes, bytes]) -> str:
        entry_id = self._stream(stream).add(fields, self._clock())
        self._arrivals.wake()
        return entry_id


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
