"""The lifecycle of an entry: held from the read until it is settled, released, or its lease is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress

from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.delivery_limits import DeliveryLimits
from streamroute.core.consume.entry_events import EntryEvents
from streamroute.core.consume.entry_reports import EntryReports
from streamroute.core.consume.entry_starter import EntryStarter, MessageCallback
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.fetch.prefetch import PrefetchWindow
from streamroute.core.consume.in_flight import InFlight
from streamroute.core.consume.pause_group import PauseGroup, pause_group_of_loop
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from streamroute.core.consume.pool.worker_pool import Entry, WorkerPool
from streamroute.core.consume.releaser import Releaser
from streamroute.core.consume.settler import Settler, writer_for
from streamroute.core.consume.skipped_acks import skipped_acks
from streamroute.core.observer import Observer
from streamroute.core.storage import StreamStorageProtocol
from streamroute.incidents import Incidents
from streamroute.message import Message
from streamroute.system.waiting import wait_for_event
from streamroute.values import Quotas


class EntryLifecycle:
    """The entries of one consumer: queued, run, settled.

    ``callback`` must be set before entries are taken. ``due`` records each scheduled retry. ``on_stuck`` is
    called when a cancelled handler keeps running.
    """

    def __init__(
        self,
        storage: StreamStorageProtocol,
        consumer: ConsumerId,
        settings: ConsumerSettings,
        observer: Observer,
        incidents: Incidents,
        due: DueTimer,
        on_stuck: Callable[[], None],
    ) -> None:
        self.in_flight = InFlight()
        self._consumer = consumer
        self._settings = settings
        self._tuning = settings.tuning
        self._deliveries = DeliveryLimits(settings.max_deliveries, settings.concurrency)
        self._report = EntryReports(consumer.stream, incidents)
        self._events = EntryEvents(self.in_flight, self._report, observer, due, on_stuck)
        self._starter = EntryStarter(settings.max_deliveries, observer)
        self._pause_group: PauseGroup | None = None
        self._is_retired = False
        self._is_held = False
        self._releaser = Releaser(storage, consumer, self.in_flight)
        self._prefetch = (
            None if settings.prefetch is None else PrefetchWindow(settings.batch_count, settings.prefetch)
        )
        self._settler = Settler(
            writer_for(storage, consumer.stream, consumer.group, consumer.consumer),
            stream=consumer.stream,
            release=self._events.settled,
            lost=self._events.lost,
            delay=settings.ack_delay,
            incidents=incidents,
            tuning=settings.tuning,
        )
        self._skipped = skipped_acks(storage, consumer, settings, self._prefetch, incidents, self._may_skip)
        self._pool = WorkerPool(
            settings.concurrency,
            self._starter.start,
            None if settings.order_by is None else KeyedQueue(settings.order_by),
            done=self._settler.add,
            failed=self._events.failed,
            stuck=self._events.stuck,
            give_back=self._releaser.release_soon,
            consumer=consumer.consumer,
        )

    @property
    def callback(self) -> MessageCallback | None:
        """The callback that receives each payload."""
        return self._starter.callback

    @callback.setter
    def callback(self, callback: MessageCallback) -> None:
        self._starter.callback = callback

    def open(self) -> None:
        """Start running entries."""
        self._is_retired = False
        self._events.open()
        self._pool.open()
        self._settler.open()
        self._skipped.open()
        self._pause_group = pause_group_of_loop()
        self._pause_group.join(self)
        if self._is_held:
            self._pool.pause()

    def resize(self, concurrency: int) -> None:
        """Run at most ``concurrency`` handlers at once from now on."""
        self._deliveries.concurrency = concurrency
        self._pool.resize(concurrency)

    def retire(self) -> None:
        """Start no more entries: release those that are queued, and those that are taken from now on."""
        self._is_retired = True
        self._releaser.release_soon(self._pool.clear())

    @property
    def is_idle(self) -> bool:
        """Whether no handler runs, except stuck ones, and no release is in progress."""
        return self._pool.is_idle and not self._releaser.is_releasing

    @property
    def is_empty(self) -> bool:
        """Whether no entry is held, and no handler uses one."""
        return not self.in_flight.payloads and not self._pool.running_payloads()

    async def close(self) -> None:
        """Let running handlers finish within the grace period, settle, and release the rest.

        When it returns, every entry that was held is settled, released to other workers, or still pending
        (if the storage was unreachable).
        """
        await self._releaser.release(self._pool.clear(), started=False)
        cut = await self._pool.close(self._settings.grace)
        if self._pool.uncancellable:
            self._report.uncancellable(self._pool.uncancellable)
        if cut:
            self._report.cut_off(len(cut), self._settings.grace)
        patience = self._tuning.settle_patience
        await asyncio.gather(self._settler.close(patience), self._skipped.close(patience))
        await self._releaser.release(cut, started=True)
        await self._releaser.wait()
        self.in_flight.clear()
        if self._pause_group is not None:
            self._pause_group.leave(self)

    @property
    def running(self) -> int:
        """The number of running handlers; may be read from any thread."""
        return self._pool.running

    @property
    def stuck(self) -> int:
        """The number of workers occupied by stuck handlers; may be read from any thread."""
        return self._pool.stuck

    def running_messages(self) -> list[Message]:
        """Return the messages that handlers use now; may be called from any thread."""
        return [payload for payload in self._pool.running_payloads() if isinstance(payload, Message)]

    def waiting(self) -> Collection[str]:
        """Return the ids of held entries that have not started; may be called from any thread."""
        return self._pool.waiting()

    def in_flight_of(self, pipeline: object) -> int:
        """Return how many deliveries of this pipeline are held, or are used by a handler that still runs.

        An entry is held in the same step of the event loop that decodes it: none is counted late.
        """
        payloads = [*self.in_flight.payloads.values(), *self._pool.running_payloads()]
        deliveries = {payload.delivery for payload in payloads if isinstance(payload, Message)}
        return sum(delivery.pipeline is pipeline for delivery in deliveries)

    # Called by the pause group.

    @property
    def has_last_delivery(self) -> bool:
        """Whether an entry on its last delivery is running or not settled yet."""
        # While the stream is paused, such an entry is not started, and must not stop other streams.
        payloads = () if self._is_held else self.in_flight.payloads.values()
        return any(map(self._deliveries.is_last_delivery, payloads))

    def pause(self) -> None:
        """Start no more entries until ``resume()``."""
        self._pool.pause()

    def resume(self) -> None:
        """Start entries again, unless the stream is held; harmless when not paused."""
        if not self._is_held:
            self._pool.resume()

    def hold(self, *, is_paused: bool) -> None:
        """Start no entries while an operator has paused the stream; running handlers finish."""
        self._is_held = is_paused
        if is_paused:
            self._pool.pause()
        elif self._pause_group is None or not self._pause_group.is_paused(self):
            self._pool.resume()

    async def wait_idle(self) -> None:
        """Wait until no handler runs."""
        await self._pool.wait_idle()

    # Called by the fetcher.

    async def room(self, *, claims: bool) -> int:
        """Wait for room and return its size. Claims have separate room, so new entries cannot block them."""
        await self._settler.room()
        await self._skipped.room()
        if self._prefetch is None:
            await self._pool.room((3 if claims else 2) * self._settings.batch_count)
            return self._settings.batch_count
        pool = self._pool
        limit = self._prefetch.room(queued=pool.queued, free=pool.free, started=pool.started)
        if claims:
            limit += self._prefetch.most
        await pool.room(limit // 2 + 1)
        room = limit - pool.queued
        return max(1, min(self._prefetch.most, room)) if claims else self._prefetch.size(room)

    def take(self, entries: list[Entry]) -> None:
        """Queue entries that were read."""
        if self._prefetch is not None:
            self._prefetch.record_read(entries)
        self._pool.put(self.in_flight.add(entries))
        if self._pool.all_stuck or self._is_retired:
            self._release_queued()

    def take_claimed(self, entries: list[Entry]) -> bool:
        """Queue claimed entries ahead of all others; return whether any of them was not held yet."""
        if self._prefetch is not None:
            self._prefetch.record_sizes(entries)
        new = self._take_over(entries)
        self._pool.put(new, first=True)
        if self._pool.all_stuck or self._is_retired:
            self._release_queued()
        return bool(new)

    def quotas(self) -> Quotas:
        """Return how many redelivered entries may be claimed in addition to those held."""
        return self._deliveries.quotas(self.in_flight.payloads.values())

    async def wait_for_quota(self, seconds: float) -> None:
        """Wait at most ``seconds`` until a redelivered entry is settled."""
        freed = self._events.quota_freed
        freed.clear()
        await wait_for_event(freed, seconds)

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[bool | None]:
        """Start no other entries in this process inside the block; yield whether no entry is running.

        Yields None if another entry runs exclusively, or is not settled yet. Finished entries are settled
        first, so that a crash costs them no delivery. The wait for running handlers is limited: after that,
        the exclusive entry runs beside them.
        """
        group = self._pause_group
        if group is None or group.runs_last_delivery:
            yield None
            return
        patience = min(self._tuning.last_delivery_patience, self._settings.lease.seconds / 4)
        async with group.exclusive(patience) as alone:
            await asyncio.gather(
                self._settler.flush(self._tuning.flush), self._skipped.flush(self._tuning.flush)
            )
            yield alone

    def last_delivery_quotas(self) -> Quotas:
        """Return quotas that allow claiming only one entry, before its last delivery."""
        return self._deliveries.one_last_delivery()

    async def run_exclusive(self, entries: list[Entry], *, alone: bool) -> bool:
        """Run the entries claimed within ``exclusive()``; return whether any of them was not held yet.

        Waits at most ten seconds or a lease; a handler that takes longer then runs beside others. ``alone``:
        nothing else is running, and the entries are settled before anything else starts.
        """
        new = self._take_over(entries)
        if not new:
            return False
        self._pool.put_exclusive(new)
        if self._is_retired:
            self._release_queued()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self._tuning.longest_alone, self._settings.lease.seconds)):
                if alone:
                    await self._pool.wait_idle()
                    await self._settler.flush(self._tuning.flush)
                while self.has_last_delivery:
                    await self.in_flight.next_change()
        return True

    def on_lease_lost(self, leases: Iterable[tuple[str, int]]) -> None:
        """Cancel the handlers of entries (id, delivery count) that another worker has claimed."""
        for entry_id, deliveries in leases:
            if self.in_flight.has_delivery(entry_id, deliveries):
                self._events.lost([entry_id])
                self.in_flight.discard([(entry_id, self.in_flight.get(entry_id))])
                self._pool.drop(entry_id)

    def _may_skip(self) -> bool:
        """Whether entries that are read now may be skipped.

        Not while none may start here, as other consumers may have to handle them. Nor if it could cost them
        their last delivery, since no heartbeat renews their leases: they have a single one, or an entry that
        may kill the process runs alone.
        """
        has_spare = self._settings.max_deliveries > 1
        return has_spare and not (self._is_retired or self._pool.is_paused or self._pool.all_stuck)

    def _take_over(self, entries: Iterable[Entry]) -> list[Entry]:
        """Hold claimed entries and report them; return those to handle."""
        new = self.in_flight.add(entries)
        self._report.claimed(new)
        return new

    def _release_queued(self) -> None:
        """Release queued entries to other consumers, since none can start here."""
        self._releaser.release_soon(self._pool.clear())
