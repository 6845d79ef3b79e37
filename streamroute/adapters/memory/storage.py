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

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.entries.entry_pipeline import EntryPipeline, codec_pipeline
from streamroute.adapters.entries.entry_reader import EntryReader
from streamroute.adapters.entries.settlement import needs_settle_script
from streamroute.adapters.memory.contents import MemoryContents
from streamroute.adapters.memory.coordinator import MemoryCoordinator
from streamroute.adapters.memory.dedupe import MemoryDeduplicator
from streamroute.adapters.memory.lease_keeper import MemoryLeaseKeeper
from streamroute.adapters.memory.quota_counter import QuotaCounter
from streamroute.adapters.memory.server import Clock, MemoryServer
from streamroute.adapters.memory.stream import RELEASED, MemoryGroup
from streamroute.delivery import Delivery
from streamroute.message import Message
from streamroute.pauses import PauseGate
from streamroute.values import ClaimResult, KnownRoutes, Lease, Quotas, SettleResult

log = logging.getLogger(__name__)


class MemoryStreamStorage(MemoryContents):
    """Behaves like ``RedisStreamStorage``, for any number of processors on one event loop.

    The parameters have the same meaning; ``lease`` and ``block`` are in seconds. ``clock`` determines how
    long entries are idle and when retries are due; a test may set it. ``server`` keeps the entries: storages
    may share one, whose clock they use then. While ``refuse`` is set to a reason, failures cannot be written,
    as on a server that is out of memory.
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
        server: MemoryServer | None = None,
    ) -> None:
        self._pipeline: EntryPipeline = codec_pipeline(codec)
        self.refuse: str | None = None
        self.lease = Lease.of(lease)
        self.block = block
        self._dead_letter = dead_letter
        self.trim = trim
        self.trimmed = 0
        self._server = server or MemoryServer(clock)
        self._workers: defaultdict[tuple[str, str], dict[str, KnownRoutes]] = defaultdict(dict)
        self._generations: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._listed: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._numbers = itertools.count(1)

    def keep_for(self, seconds: float | None) -> None:
        """Keep entries for ``seconds`` after every group has finished with them (None: forever)."""
        self.trim = seconds

    def interrupt_read(self, stream_name: str, group_name: str, consumer_name: str) -> None:  # noqa: ARG002 - the storage's form
        """End the reads that wait for an entry."""
        self._server.arrivals.wake()

    def use(self, pipeline: EntryPipeline) -> None:
        """Decode entries by ``pipeline`` from now on; deliveries that were decoded before keep theirs."""
        self._pipeline = pipeline

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Create the group if it is missing, at the stream's first entry."""
        keys = self._keys(stream_name, group_name)
        for key in (keys.stream, keys.retry):
            self._server.stream(key).groups.setdefault(group_name, MemoryGroup())

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Read promoted retries, then new entries; waits up to ``block`` seconds for the first."""
        await asyncio.sleep(0)
        entries = self._read(stream_name, group_name, consumer_name, count)
        if not entries:
            await self._server.arrivals.wait(self.block)
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
        if self.pauses(stream_name, group_name).is_stream_paused:
            return ClaimResult([])
        reader, now = self._reader(stream_name, group_name, consumer_name), self._server.clock()
        entries: list[tuple[str, dict[str, Any]]] = []
        counted = QuotaCounter(quotas)
        for key in (reader.keys.retry, reader.keys.stream):
            stream, group = self._server.group(key, group_name)
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
            self._server.acknowledge(self._keys(stream_name, group_name), group_name, message_id)

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Write every outcome of a message, then acknowledge it, if this consumer still holds it."""
        await asyncio.sleep(0)
        lost, refused, keys = [], {}, self._keys(stream_name, group_name)
        for name, message in messages.items():
            if self._server.held(keys, group_name, consumer_name, message.delivery) is None:
                lost.append(name)
            elif needs_settle_script(message.delivery) and self.refuse is not None:
                refused[name] = self.refuse
            else:
                self._server.write_outcomes(keys, message)
                self._server.acknowledge(keys, group_name, name)
        self._server.pauses(keys).sync()
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
        keys = self._keys(stream_name, group_name)
        for message in messages.values():
            held = self._server.held(keys, group_name, consumer_name, message.delivery)
            if held is not None:
                held.consumer = RELEASED
                held.deliveries -= 0 if started else 1

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Move due retries to the retry stream; returns the seconds until the next one is due."""
        await asyncio.sleep(0)
        waits = [self._server.promote(key) for key in (self._keys(stream_name, group_name).due, stream_name)]
        return min((wait for wait in waits if wait is not None), default=None)

    def pause_gate(self, stream_name: str, group_name: str) -> PauseGate:
        """Return the gate of a consumer, which learns at once what is paused."""
        pauses, gate = self.pauses(stream_name, group_name), PauseGate()
        pauses.gates.append(gate)
        return gate

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:  # noqa: ARG002 - the storage's form
        """Trim the stream; returns the seconds until the next step."""
        await asyncio.sleep(0)
        if self.trim is not None:
            self.trimmed += self._server.stream(stream_name).trim(self._server.clock() - self.trim)
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
        generations = self._generations[stream_name, group_name]

        def keep(deliveries: Mapping[str, Delivery]) -> list[tuple[str, int]]:
            alive[consumer_name] = known_routes()
            listed.update(alive[consumer_name].types)
            generations[consumer_name] = self._pipeline.generation
            keys = self._keys(stream_name, group_name)
            return self._server.renew_leases(keys, group_name, consumer_name, deliveries)

        def leave() -> None:
            alive.pop(consumer_name, None)
            generations.pop(consumer_name, None)

        return MemoryLeaseKeeper(keep, leave, lease=self.lease, held=held, lost=lost)

    def _reader(self, stream: str, group: str, consumer: str = "") -> EntryReader:
        keys, server = self._keys(stream, group), self._server
        dedupe = MemoryDeduplicator(
            keys,
            server.dedupe,
            lives=lambda held: server.may_run(keys, group, held),
            holds=lambda delivery: server.held(keys, group, consumer, delivery) is not None,
        )
        alive, listed = self._workers[stream, group], self._listed[stream, group]
        coordinator = MemoryCoordinator(dedupe, alive, listed, server.clock, self.lease, server.retry_secrets)
        return EntryReader(self._pipeline.codec, keys, group, coordinator, self._pipeline)

    def _read(self, stream: str, group: str, consumer: str, count: int) -> list[tuple[str, dict[str, Any]]]:
        if self.pauses(stream, group).is_stream_paused:
            return []
        reader, now = self._reader(stream, group, consumer), self._server.clock()
        facts = {"read_at": int(now * 1000), "deliveries": 1}
        found = [(key, *self._server.group(key, group)) for key in (reader.keys.retry, reader.keys.stream)]
        return [
            reader.read(key, entry_id, fields, **facts)
            for key, entries, held in found
            for entry_id, fields in entries.read(held, consumer, count, now)
        ]
