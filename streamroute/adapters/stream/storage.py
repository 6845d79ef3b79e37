"""RedisStreamStorage: a stream, its retries and its dead letters, for a consumer group, in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streamroute.adapters.codecs.builtin import Codec, codec_named
from streamroute.adapters.entries.entry_reader import EntryReader, entry_name, is_retry, server_id
from streamroute.adapters.entries.records import fields_from_reply
from streamroute.adapters.entries.settlement import ack_mode, settlement
from streamroute.adapters.entries.validation_thread import EntriesInValidation, RawEntry
from streamroute.adapters.groups.cleanup import StreamCleaner
from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.groups.takeover import GroupTakeover, require_not_replaced
from streamroute.adapters.groups.watermark import Watermarks
from streamroute.adapters.redis.channel import read_connections
from streamroute.adapters.redis.cluster_client import require_one_slot
from streamroute.adapters.redis.raw_client import interrupt_read, raw_clients, read, send_command
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script, script_error_text
from streamroute.adapters.redis.shared_reads import Reader
from streamroute.adapters.stream.coordinator import RedisCoordinator
from streamroute.adapters.stream.due_times import DueTimes
from streamroute.adapters.stream.lease_keeper import STALL, RedisLeaseKeeper, nothing_waiting, release
from streamroute.incidents import LOG_ONLY, Incident, Incidents
from streamroute.keys import RELEASED, GroupKeys
from streamroute.message import Message
from streamroute.values import ClaimResult, KnownRoutes, Quotas, SettleResult

_SWEEP: Final = 1000  # pending entries that one claim looks at beyond those of dead consumers
_PROMOTE: Final = 100  # retries that one step promotes
_ACK: Final = 500  # ids in one script
_NOT_READY: Final = 1.0  # seconds between looks at a group that cannot be read yet
_BYTES: Final = 16 * 1024 * 1024  # of entries that one claim brings, or one step promotes, if there are two


class RedisStreamStorage:
    """The ``StreamStorageProtocol`` on redis-py, with every capability that the processor knows.

    ``codec`` is a codec or a built-in one's name; ``lease`` is the seconds after which other workers may
    claim an entry of a silent consumer, the same for the whole group; ``stall`` the seconds after which an
    event loop that does not come round loses what it holds (default: five leases); ``block`` the seconds
    that a read waits for an entry; ``dead_letter`` the stream for dead
    letters (default ``{stream}:group:dead``), which also note the ``generation`` of the configuration.
    ``trim`` is the seconds after which an entry goes that every group of the stream has finished with
    (None: it stays); ``forget_consumers`` those after which a silent consumer that holds nothing goes.
    ``formerly_group`` is the name that the group had before: what it left is taken over.
    ``incidents`` are told of losses that are found.
    """

    blocks = True

    def __init__(  # noqa: PLR0913 - the settings of a storage, each with a default
        self,
        client: Redis,
        *,
        codec: Codec | str = "json",
        lease: float = 60.0,
        stall: float | None = None,
        block: float = 0.5,
        dead_letter: str | None = None,
        generation: str = "",
        trim: float | None = None,
        forget_consumers: float = 3600.0,
        formerly_group: str | None = None,
        incidents: Incidents = LOG_ONLY,
    ) -> None:
        self._client = client
        self._client_of = raw_clients(client)
        read_connections(client.connection_pool)
        self._codec = codec_named(codec) if isinstance(codec, str) else codec
        self._lease = int(lease * 1000)
        self._stall = STALL * lease if stall is None else stall
        self._formerly = formerly_group
        self._block = block
        self._dead_letter = dead_letter
        self._generation = generation
        self._incidents = incidents
        self._watermarks = Watermarks(incidents)
        self._seen: set[tuple[str, str]] = set()
        self._cleaner = StreamCleaner(trim, forget_consumers, RELEASED)
        self._due_times = DueTimes()
        self._takeovers: dict[tuple[str, str], GroupTakeover] = {}
        self._cursors: dict[tuple[str, str], list[str]] = {}
        self._readers: dict[tuple[str, str, str], EntryReader] = {}
        self._read_apart: dict[tuple[str, str, str], EntriesInValidation] = {}

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Create the group on the stream and on its retry stream, from their first entries.

        One that was there before and is lost begins where it was: entries that were not settled run
        again, and some that were. It is logged as an error. Raises SetupError where a cluster keeps the
        stream's keys in several slots, and where another group has taken this one's place.

        Source: https://redis.io/docs/latest/commands/xgroup-create/
        """
        keys = self._keys(stream_name, group_name)
        client = self._client_of(keys.stream)
        require_one_slot(client, keys)
        if not await self._has_taken_over(keys, group_name):
            return  # nothing is read until it has
        async with explain_wrong_types(client, keys):
            await require_not_replaced(client, keys, group_name)
            start = await self._watermarks.start(client, keys, group_name)
            was_missing = await self._create_group(client, keys.stream, group_name, start)
            lost_retries = await self._create_group(client, keys.retry, group_name, "0")
        seen = (stream_name, group_name) in self._seen
        if was_missing:
            self._watermarks.reset(keys, group_name, start)
        if was_missing and (start != "0-0" or seen):
            said = "the group %s of %s was lost; it begins again after %s"
            self._incidents.report(Incident.GROUP_LOST, stream_name, said, group_name, stream_name, start)
        elif lost_retries and seen:
            said = "the group %s of %s was lost; retries that were running may run again"
            self._incidents.report(Incident.GROUP_LOST, stream_name, said, group_name, keys.retry)
        self._seen.add((stream_name, group_name))

    async def _create_group(self, client: Redis, key: str, group: str, start: str) -> bool:
        """Whether the group was missing."""
        try:
            await send_command(client, "XGROUP", "CREATE", key, group, start, "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return False
        return True

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Retries that were promoted, then new entries; waits up to ``block`` seconds for the first.

        Streams that are read with one client wait together, over a few connections.
        """
        keys = self._keys(stream_name, group_name)
        if not await self._is_ready(keys, group_name):
            await asyncio.sleep(min(self._block, _NOT_READY))
            return []
        client, reader = self._client_of(keys.stream), Reader(group_name, consumer_name)
        # The server's time is from before the read: since then nobody else can have claimed what it brings.
        brought = await read(client, reader, (keys.retry, keys.stream), count, self._block)
        made = self._reader(keys, group_name, consumer_name)
        retries, new = brought.rows.get(keys.retry, ()), brought.rows.get(keys.stream, ())

        def entries_of() -> list[tuple[str, dict[str, Any]]]:
            promoted = [(text(entry_id), fields_from_reply(fields)) for entry_id, fields in retries]
            entries = [
                made.read(keys.retry, entry_id, fields, read_at=brought.time, deliveries=1)
                for entry_id, fields in promoted
            ]
            return entries + made.read_new(new, read_at=brought.time)

        def deliveries() -> Iterator[RawEntry]:
            for key, rows in ((keys.retry, retries), (keys.stream, new)):
                yield from ((key, entry_id, 1, fields) for entry_id, fields in rows)

        being_read = self._being_read(keys, group_name, consumer_name)
        entries = await being_read.read(made, deliveries, brought.time, entries_of)
        if entries:
            self._watermarks.moved(keys, group_name)
        return entries

    def interrupt_read(self, stream_name: str, group_name: str, consumer_name: str) -> None:
        """Have a read that waits end as soon as no entry can be on its way to it."""
        keys = self._keys(stream_name, group_name)
        client, reader = self._client_of(keys.stream), Reader(group_name, consumer_name)
        interrupt_read(client, reader, (keys.retry, keys.stream))

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Take over entries of consumers that have gone silent, and what was released.

        Entries that were deleted while pending are gone; they are taken off the pending list and logged.
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
        """As ``claim_stale_events``, of each delivery number no more than its quota.

        Sources: https://redis.io/docs/latest/commands/xpending/,
        https://redis.io/docs/latest/commands/xclaim/
        """
        keys = self._keys(stream_name, group_name)
        if not await self._is_ready(keys, group_name):
            return ClaimResult([])
        client, streams = self._client_of(keys.stream), (keys.retry, keys.stream)
        cursors = self._cursors.setdefault((stream_name, group_name), ["-"] * len(streams))
        async with explain_wrong_types(client, keys):
            now, claimed, deleted, held_back, last_deliveries, cursors[:] = await script("claim").run(
                client,
                [keys.workers, *streams],
                [
                    *(group_name, consumer_name, min_idle_time, count, RELEASED, _SWEEP, _BYTES),
                    *(quotas.last, _quota_words(quotas)),
                    *cursors,
                ],
            )
        for number, key in enumerate(streams, 1):
            gone = [entry_id for place, entry_id in deleted if place == number]
            self._tell_deleted(keys, key, gone, "%d entries of %s were deleted while they were pending: %s")
        reader = self._reader(keys, group_name, consumer_name)

        def entries_of() -> list[tuple[str, dict[str, Any]]]:
            return [
                reader.read(
                    streams[number - 1],
                    text(entry_id),
                    fields_from_reply(fields),
                    read_at=now,
                    deliveries=deliveries,
                )
                for number, entry_id, deliveries, fields in claimed
            ]

        def deliveries() -> Iterator[RawEntry]:
            for number, entry_id, times, fields in claimed:
                yield streams[number - 1], entry_id, times, fields

        being_read = self._being_read(keys, group_name, consumer_name)
        entries = await being_read.read(reader, deliveries, now, entries_of)
        return ClaimResult(entries, held_back, last_deliveries)

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """XACK, without a fence: for processors that do not settle."""
        await self.ack_events(stream_name, group_name, [message_id])

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        """XACK of many, without a fence."""
        keys = self._keys(stream_name, group_name)
        retries = [server_id(message_id) for message_id in message_ids if is_retry(message_id)]
        others = [message_id for message_id in message_ids if not is_retry(message_id)]
        client = self._client_of(keys.stream)
        if others:
            await send_command(client, "XACK", keys.stream, group_name, *others)
        if retries:
            await send_command(client, "XACK", keys.retry, group_name, *retries)
            await send_command(client, "XDEL", keys.retry, *retries)

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Write every outcome, then ack: a step for each message that failed or holds keys of dedupe.

        All others are acked together.
        """
        keys = self._keys(stream_name, group_name)
        client = self._client_of(keys.stream)
        lost: list[str] = []
        told = {entry_id: m for entry_id, m in messages.items() if m.outcomes or m.dedupe_locks}
        rest = [m for name, m in messages.items() if name not in told] if told else list(messages.values())
        for key in (keys.stream, keys.retry):
            done = [message for message in rest if message.pending_key == key]
            for start in range(0, len(done), _ACK):
                gone = await self._ack(client, key, group_name, consumer_name, done[start : start + _ACK])
                lost += [entry_name(keys, key, text(entry_id)) for entry_id in gone]
        self._watermarks.moved(keys, group_name)
        refused: dict[str, str] = {}
        if told:
            calls = [settlement(keys, group_name, consumer_name, m, self._generation) for m in told.values()]
            answers = await script("settle").run_each(client, calls)
            for entry_id, answer in zip(told, answers, strict=True):
                if isinstance(answer, Exception):
                    refused[entry_id] = script_error_text(answer)
                elif not answer:
                    lost.append(entry_id)
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
        """Hand entries to a consumer that nobody is: the next claim of any worker takes them.

        Source: https://redis.io/docs/latest/commands/xclaim/
        """
        keys = self._keys(stream_name, group_name)
        for key in (keys.stream, keys.retry):
            client = self._client_of(keys.stream)
            await release(client, key, group_name, consumer_name, messages.values(), started=started)

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Move retries whose time has come to the retry stream; returns seconds until the next."""
        keys = self._keys(stream_name, group_name)
        if not self._is_there(keys, group_name):
            return _NOT_READY
        client = self._client_of(keys.stream)
        async with explain_wrong_types(client, keys):
            left, deleted, undue = await script("promote_due").run(
                client, [keys.due, keys.delayed, keys.retry], [_PROMOTE, _BYTES]
            )
        if undue and (restored := await self._due_times.restore(client, keys.due, keys.delayed)):
            said = "%d retries of %s had lost their due time, and run now"
            facts = (restored, keys.stream)
            self._incidents.report(Incident.RESTORED, keys.stream, said, *facts, count=restored)
        if undue:
            left = 0  # there may be more
        self._tell_deleted(keys, keys.stream, deleted, "%d retries of %s were deleted before they ran: %s")
        return None if left < 0 else left / 1000

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:
        """Trim the stream, and delete consumers that are gone; returns seconds until the next step.

        Sources: https://redis.io/docs/latest/commands/xtrim/,
        https://redis.io/docs/latest/commands/xgroup-delconsumer/
        """
        keys = self._keys(stream_name, group_name)
        if not self._is_there(keys, group_name):
            return _NOT_READY
        client = self._client_of(keys.stream)
        async with explain_wrong_types(client, keys):
            return await self._cleaner.clean_up(client, keys, group_name, consumer_name)

    @property
    def trimmed(self) -> int:
        """How many entries this storage has trimmed."""
        return self._cleaner.trimmed

    def lease_keeper(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        *,
        held: Callable[[], Mapping[str, Message]],
        lost: Callable[[Sequence[tuple[str, int]]], None],
        waiting: Callable[[], Collection[str]] = nothing_waiting,
        known_routes: Callable[[], KnownRoutes] = KnownRoutes,
    ) -> RedisLeaseKeeper:
        """Heartbeats for what is held, from the thread that all streams of the client share."""
        keys = self._keys(stream_name, group_name)
        return RedisLeaseKeeper(
            *(self._client, keys, group_name, consumer_name),
            lease=self._lease / 1000,
            stall=self._stall,
            held=self._being_read(keys, group_name, consumer_name).with_held(held),
            lost=lost,
            waiting=waiting,
            known_routes=known_routes,
            watermarks=self._watermarks,
            incidents=self._incidents,
        )

    async def _is_ready(self, keys: GroupKeys, group: str) -> bool:
        """Whether the group may be read: it has taken the place of the one that it was before."""
        takeover = self._takeovers.get((keys.stream, group))
        if takeover is None or takeover.is_done:
            return True
        if await self._has_taken_over(keys, group):
            await self.create_group(keys.stream, group)
            return True
        return False

    def _is_there(self, keys: GroupKeys, group: str) -> bool:
        """Whether the group was created, where it takes the place of another: it may wait for that."""
        name = (keys.stream, group)
        return name not in self._takeovers or name in self._seen

    async def _has_taken_over(self, keys: GroupKeys, group: str) -> bool:
        if self._formerly is None:
            return True
        name = (keys.stream, group)
        if name not in self._takeovers:
            old, names = GroupKeys.of(keys.stream, self._formerly), (self._formerly, group)
            self._takeovers[name] = GroupTakeover(self._client_of(keys.stream), old, keys, names)
        return await self._takeovers[name].advance()

    def _keys(self, stream: str, group: str) -> GroupKeys:
        return GroupKeys.of(stream, group, self._dead_letter)

    def _reader(self, keys: GroupKeys, group: str, consumer: str) -> EntryReader:
        reader = self._readers.get((keys.stream, group, consumer))
        if reader is None:
            former = [] if self._formerly is None else [self._keys(keys.stream, self._formerly)]
            client, lease = self._client_of(keys.stream), self._lease / 1000
            coordinator = RedisCoordinator(client, keys, group, consumer, lease=lease, former=former)
            reader = EntryReader(self._codec, keys, group, coordinator)
            self._readers[keys.stream, group, consumer] = reader
        return reader

    def _being_read(self, keys: GroupKeys, group: str, consumer: str) -> EntriesInValidation:
        return self._read_apart.setdefault((keys.stream, group, consumer), EntriesInValidation())

    def _tell_deleted(self, keys: GroupKeys, where: str, deleted: Sequence[bytes], said: str) -> None:
        if deleted:
            names, count = ", ".join(map(text, deleted)), len(deleted)
            self._incidents.report(Incident.DELETED, keys.stream, said, count, where, names, count=count)

    async def _ack(
        self, client: Redis, key: str, group: str, consumer: str, done: list[Message]
    ) -> list[bytes]:
        deadline = min([message.lease_confirmed_at for message in done]) + self._lease
        counts = [message.deliveries for message in done]
        if min(counts) < 1:
            # Another entry has the id of one that runs: it is looked up, and no count matches it. That a
            # heartbeat has confirmed the id since says nothing about the entry.
            deadline = 0
        ids = " ".join([message.entry_id for message in done])
        given = " ".join(map(str, counts)) if max(counts) > 1 or min(counts) < 1 else ""
        lost = await script("ack").run(
            client, [key], [group, consumer, deadline, ack_mode(done[0]), ids, given]
        )
        return list(lost)


def _quota_words(quotas: Quotas) -> str:
    """Quotas as the script takes them: ``2:32 3:8 *:0``."""
    words = [f"{delivery}:{quota}" for delivery, quota in quotas.by_delivery.items()]
    return " ".join(words if quotas.others is None else [*words, f"*:{quotas.others}"])
