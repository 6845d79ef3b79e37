"""RedisStreamStorage: streams in Redis, with their retries and dead letters, for consumer groups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.entries.entry_pipeline import EntryPipeline, codec_pipeline
from streamroute.adapters.entries.entry_reader import EntryReader
from streamroute.adapters.entries.entry_skipper import EntrySkipper, SkippedSink
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.entries.settlement import needs_settle_script
from streamroute.adapters.groups.cleanup import StreamCleaner
from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.groups.watermark import Watermarks
from streamroute.adapters.redis.channel import read_connections
from streamroute.adapters.redis.raw_client import interrupt_read, raw_clients, read
from streamroute.adapters.redis.read_commands import ReaderId
from streamroute.adapters.redis.replies import text
from streamroute.adapters.stream.coordinator import RedisCoordinator
from streamroute.adapters.stream.delayed_events import DelayedEvents
from streamroute.adapters.stream.deleted_entries import PENDING, report_deleted
from streamroute.adapters.stream.group_setup import GroupSetup
from streamroute.adapters.stream.leases.claiming import ClaimLimits, claim
from streamroute.adapters.stream.leases.lease_keeper import RedisLeaseKeeper, nothing_waiting
from streamroute.adapters.stream.leases.release import release
from streamroute.adapters.stream.leases.taken_over import log_taken_over
from streamroute.adapters.stream.pause_watch import PauseWatch
from streamroute.adapters.stream.retry_promoter import RetryPromoter
from streamroute.adapters.stream.settling import (
    ack_deliveries,
    ack_skipped,
    ack_unconditionally,
    settle_outcomes,
)
from streamroute.delivery import Delivery
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.keys import RELEASED, GroupKeys
from streamroute.message import Message
from streamroute.pauses import PauseGate
from streamroute.values import ClaimResult, KnownRoutes, Lease, Quotas, SettleResult, SkippedEntries

_RETURNING: Final = 0.2  # seconds that a read waits while parked messages return
_NOT_READY: Final = 1.0  # seconds between checks of a group that cannot be read yet


class RedisStreamStorage:
    """The ``StreamStorageProtocol`` on redis-py, with every optional capability of the processor.

    ``codec``
        a codec, or the name of a built-in one.
    ``lease``
        seconds without a heartbeat after which other workers may claim an entry; use one value in a group.
    ``stall``
        seconds without a response of the event loop after which its leases end (default: five leases).
    ``block``
        seconds that a read waits for an entry.
    ``dead_letter``
        the stream for dead letters (default ``{stream}:group:dead``).
    ``trim``
        seconds for which an entry is kept after every group has finished with it (None: forever).
    ``forget_consumers``
        idle seconds after which a consumer without pending entries is deleted.
    ``formerly_group``
        the former name of the group, whose unfinished entries it takes over.
    ``incidents``
        receives reports of deleted entries and groups.

    >>> storage = RedisStreamStorage(client, codec="cloudevents", lease=30)  # doctest: +SKIP
    """

    blocks = True
    claim_limits = ClaimLimits()

    def __init__(  # noqa: PLR0913 - the settings of a storage, each with a default
        self,
        client: Redis,
        *,
        codec: Codec | str = "json",
        lease: float = 60.0,
        stall: float | None = None,
        block: float = 0.5,
        dead_letter: str | None = None,
        trim: float | None = None,
        forget_consumers: float = 3600.0,
        formerly_group: str | None = None,
        incidents: Incidents = LOG_ONLY,
    ) -> None:
        self._client = client
        self._client_of = raw_clients(client)
        read_connections(client.connection_pool)
        self._pipeline: EntryPipeline = codec_pipeline(codec)
        self._lease = Lease.of(lease, stall)
        self._former_group = formerly_group
        self._block = block
        self._dead_letter = dead_letter
        self._incidents = incidents
        self._watermarks = Watermarks(incidents)
        self._groups = GroupSetup(self._client_of, self._watermarks, incidents, formerly_group)
        self._cleaner = StreamCleaner(trim, forget_consumers, RELEASED)
        self._promoter = RetryPromoter(incidents)
        self._delayed: dict[str, DelayedEvents] = {}
        self._cursors: dict[tuple[str, str], list[str]] = {}
        self._readers: dict[tuple[str, str, str], EntryReader] = {}
        self._gates: dict[tuple[str, str], PauseGate] = {}
        self._keys_of: dict[tuple[str, str], GroupKeys] = {}
        self._skippers: dict[tuple[str, str, str], EntrySkipper] = {}

    def use(self, pipeline: EntryPipeline) -> None:
        """Decode entries by ``pipeline`` from now on; deliveries that were decoded before keep theirs."""
        self._pipeline = pipeline
        for name, reader in self._readers.items():
            self._readers[name] = replace(reader, codec=pipeline.codec, pipeline=pipeline)

    def keep_for(self, seconds: float | None) -> None:
        """Keep entries for ``seconds`` after every group has finished with them (None: forever)."""
        self._cleaner.retention = seconds

    def pause_gate(self, stream_name: str, group_name: str) -> PauseGate:
        """Return the gate of a group, which its lease keeper keeps up to date."""
        gate = self._gates.get((stream_name, group_name))
        return gate or self._gates.setdefault((stream_name, group_name), PauseGate())

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """See ``GroupSetup.create``. Reports a deleted group, whose unsettled entries run again."""
        await self._groups.create(self._keys(stream_name, group_name), group_name)

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Read promoted retries, then new entries; waits up to ``block`` seconds for the first.

        All streams of a client share a few connections for waiting reads.
        """
        keys = self._keys(stream_name, group_name)
        view = self.pause_gate(stream_name, group_name).view
        if view.stream or not await self._groups.is_ready(keys, group_name):
            await asyncio.sleep(min(self._block, _NOT_READY))
            return []
        client, reader = self._client_of(keys.stream), ReaderId(group_name, consumer_name)
        # Redis time before the read: until a lease later, no other consumer can claim the entries.
        if view.reads_new:
            result = await read(client, reader, (keys.retry, keys.stream), count, self._block)
        else:  # new messages must not overtake those that return to their route
            result = await read(client, reader, (keys.retry,), count, min(self._block, _RETURNING))
        decoder = self._reader(keys, group_name, consumer_name)
        entries: list[tuple[str, dict[str, Any]]] = [
            decoder.read(
                keys.retry, text(entry_id), fields_from_reply(fields), read_at=result.time, deliveries=1
            )
            for entry_id, fields in result.rows.get(keys.retry, ())
        ]
        new = result.rows.get(keys.stream, ())
        entries += decoder.read_new(new, read_at=result.time)
        if entries or new:
            self._watermarks.moved(keys, group_name)
        return entries

    def interrupt_read(self, stream_name: str, group_name: str, consumer_name: str) -> None:
        """End a waiting read as soon as no entry can be in transit to it."""
        keys = self._keys(stream_name, group_name)
        client, reader = self._client_of(keys.stream), ReaderId(group_name, consumer_name)
        interrupt_read(client, reader, (keys.retry, keys.stream))

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Claim entries of dead consumers and released entries.

        Entries that were deleted while pending are acknowledged and reported.
        """
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
        keys, name = self._keys(stream_name, group_name), (stream_name, group_name)
        is_paused = self.pause_gate(stream_name, group_name).view.stream
        if is_paused or not await self._groups.is_ready(keys, group_name):
            return ClaimResult([])
        client = self._client_of(keys.stream)
        async with explain_wrong_types(client, keys):
            reply = await claim(
                *(client, keys, group_name, consumer_name),
                min_idle=min_idle_time,
                count=count,
                quotas=quotas,
                cursors=self._cursors.get(name),
                limits=self.claim_limits,
            )
        self._cursors[name] = reply.cursors
        for key in reply.streams:
            report_deleted(self._incidents, keys.stream, key, reply.deleted_of(key), PENDING)
        log_taken_over(keys.stream, reply)
        entries = reply.entries(self._reader(keys, group_name, consumer_name))
        return ClaimResult(entries, reply.held_back, reply.last_deliveries)

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Acknowledge unconditionally, for processors that do not settle."""
        await self.ack_events(stream_name, group_name, [message_id])

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        """Acknowledge many entries unconditionally."""
        keys = self._keys(stream_name, group_name)
        await ack_unconditionally(self._client_of(keys.stream), keys, group_name, message_ids)

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Write every outcome, then acknowledge.

        Messages with outcomes or dedupe locks take one script each; all others are acknowledged together.
        """
        keys = self._keys(stream_name, group_name)
        target = (self._client_of(keys.stream), keys, group_name, consumer_name)
        to_ack = [d for m in messages.values() if not ((d := m.delivery).outcomes or d.dedupe_locks)]
        to_write: dict[str, Message] = {}
        if len(to_ack) < len(messages):
            to_write = {name: m for name, m in messages.items() if needs_settle_script(m.delivery)}
        lost = await ack_deliveries(*target, to_ack, self._lease.milliseconds)
        self._watermarks.moved(keys, group_name)
        if not to_write:
            return SettleResult(lost, {})
        lost_too, refused = await settle_outcomes(*target, to_write, self._incidents)
        return SettleResult(lost + lost_too, refused)

    def skip_into(self, stream_name: str, group_name: str, consumer_name: str, sink: SkippedSink) -> None:
        """Pass the new entries of this consumer that no route takes to ``sink``; see ``EntrySkipper``."""
        self._skippers[stream_name, group_name, consumer_name] = EntrySkipper(stream_name, sink)

    async def ack_skipped(
        self, stream_name: str, group_name: str, consumer_name: str, skipped: Sequence[SkippedEntries]
    ) -> None:
        """Acknowledge those entries that this consumer still holds, by the fence of ``settle``."""
        keys = self._keys(stream_name, group_name)
        target = (self._client_of(keys.stream), keys.stream, group_name, consumer_name)
        await ack_skipped(*target, skipped, self._lease.milliseconds)
        self._watermarks.moved(keys, group_name)

    async def release(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        messages: Mapping[str, Message],
        *,
        started: bool,
    ) -> None:
        """See ``release`` in ``streamroute.adapters.stream.leases.release``."""
        keys = self._keys(stream_name, group_name)
        deliveries = [message.delivery for message in messages.values()]
        for key in (keys.stream, keys.retry):
            client = self._client_of(keys.stream)
            await release(client, key, group_name, consumer_name, deliveries, started=started)

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Move due retries to the retry stream, and add due events to the stream itself.

        Returns the seconds until the next one is due.
        """
        keys = self._keys(stream_name, group_name)
        if self.pause_gate(stream_name, group_name).view.stream or not self._groups.exists(keys, group_name):
            return _NOT_READY
        client = self._client_of(keys.stream)
        retries = await self._promoter.promote(client, keys)
        if stream_name not in self._delayed:
            self._delayed[stream_name] = DelayedEvents(stream_name)
        events = await self._delayed[stream_name].add_due(client)
        return min((wait for wait in (retries, events) if wait is not None), default=None)

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:
        """Trim the stream and delete dead consumers; returns the seconds until the next step.

        Sources: https://redis.io/docs/latest/commands/xtrim/,
        https://redis.io/docs/latest/commands/xgroup-delconsumer/
        """
        keys = self._keys(stream_name, group_name)
        if not self._groups.exists(keys, group_name):
            return _NOT_READY
        client = self._client_of(keys.stream)
        async with explain_wrong_types(client, keys):
            return await self._cleaner.clean_up(client, keys, group_name, consumer_name)

    @property
    def trimmed(self) -> int:
        """The number of entries that this storage has trimmed."""
        return self._cleaner.trimmed

    def lease_keeper(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        *,
        held: Callable[[], Mapping[str, Delivery]],
        lost: Callable[[Sequence[tuple[str, int]]], None],
        waiting: Callable[[], Collection[str]] = nothing_waiting,
        known_routes: Callable[[], KnownRoutes] = KnownRoutes,
    ) -> RedisLeaseKeeper:
        """Return a keeper that renews leases from the client's heartbeat thread."""
        keys = self._keys(stream_name, group_name)
        return RedisLeaseKeeper(
            *(self._client, keys, group_name, consumer_name),
            lease=self._lease,
            held=held,
            lost=lost,
            waiting=waiting,
            known_routes=known_routes,
            generation=lambda: self._pipeline.generation,
            watermarks=self._watermarks,
            incidents=self._incidents,
            pauses=PauseWatch(keys, self.pause_gate(stream_name, group_name), self._incidents),
        )

    def _keys(self, stream: str, group: str) -> GroupKeys:
        keys = self._keys_of.get((stream, group))
        if keys is None:
            keys = self._keys_of[stream, group] = GroupKeys.of(stream, group, self._dead_letter)
        return keys

    def _reader(self, keys: GroupKeys, group: str, consumer: str) -> EntryReader:
        reader = self._readers.get((keys.stream, group, consumer))
        if reader is None:
            former = [] if self._former_group is None else [self._keys(keys.stream, self._former_group)]
            client, lease = self._client_of(keys.stream), self._lease
            coordinator = RedisCoordinator(client, keys, group, consumer, lease=lease, former=former)
            skipper = self._skippers.get((keys.stream, group, consumer))
            reader = EntryReader(self._pipeline.codec, keys, group, coordinator, self._pipeline, skipper)
            self._readers[keys.stream, group, consumer] = reader
        return reader
