"""The lifecycle of an entry: held from the read until it is settled, released, or its lease is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from streamroute.core.cancellation import is_own_cancellation
from streamroute.core.consume.delivery_limits import DeliveryLimits
from streamroute.core.consume.due_timer import DueTimer
from streamroute.core.consume.fetcher import ConsumerId
from streamroute.core.consume.in_flight import InFlight
from streamroute.core.consume.key_ordering import KeyedQueue, KeyOf
from streamroute.core.consume.pause_group import PauseGroup, pause_group_of_loop
from streamroute.core.consume.prefetch import PrefetchWindow, over_byte_budget
from streamroute.core.consume.settler import Settler, writer_for
from streamroute.core.consume.worker_pool import Entry, Worker, WorkerPool
from streamroute.core.observer import Observer, Result
from streamroute.core.stack_traces import task_stack, thread_stack
from streamroute.core.storage import StreamStorageProtocol, SupportsRelease, releases
from streamroute.errors import LeaseLostError
from streamroute.incidents import Incident, Incidents
from streamroute.logs.coalescing import coalesced_by_reason
from streamroute.message import Message
from streamroute.outages import one_line
from streamroute.system.forked import exit_if_forked
from streamroute.values import DeadLetter, Outcome, Quotas, RetryLater

log = logging.getLogger(__name__)

MessageCallback = Callable[[dict[str, Any]], Awaitable[None]]
"""``async (payload)``: returning lets the entry be acked, raising leaves it pending."""

_PATIENCE: Final = 5.0  # seconds, and a quarter of a lease, that a suspect waits for others to end
_LONGEST_ALONE: Final = 10.0  # seconds, and a lease, after which a suspect has others beside it
_FLUSH: Final = 2.0  # seconds that what has ended may take to be settled
_CUT_ONE: Final = "%d handler was cut off after %gs; its entry runs again"
_CUT_MANY: Final = "%d handlers were cut off after %gs; their entries run again"
_STUCK: Final = (
    "a handler runs on although it was cancelled, and occupies a worker; entry %s of %s is given up: %s"
)
_RUNS_ON: Final = (
    "a plain function still runs after its timeout or cancellation and occupies a worker; "
    "it was started for entry %s of %s: %s"
)
_SETTLE_PATIENCE: Final = 5.0  # seconds that the last outcomes are tried to be written


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings:
    """How much is handled at once, how often and for how long; times in seconds."""

    batch_count: int
    concurrency: int
    max_deliveries: int
    lease: float
    grace: float
    ack_delay: float
    prefetch: float | None = None
    order_by: KeyOf | None = None


class EntryLifecycle:
    """The entries of one consumer: queued, run, settled.

    ``callback`` must be set before entries are taken. ``due`` is told of each retry that was written.
    ``on_stuck`` is called when a handler goes on although it was cancelled.
    """

    def __init__(
        self,
        storage: StreamStorageProtocol,
        source: ConsumerId,
        limits: ConsumerSettings,
        observer: Observer,
        incidents: Incidents,
        due: DueTimer,
        on_stuck: Callable[[], None],
    ) -> None:
        self.callback: MessageCallback | None = None
        self.held = InFlight()
        self._source = source
        self._limits = limits
        self._deliveries = DeliveryLimits(limits.max_deliveries, limits.concurrency)
        self._last_delivery = limits.max_deliveries
        self._observe = observer
        self._incidents = incidents
        self._due = due
        self._on_stuck = on_stuck
        self._quota_freed = asyncio.Event()
        self._pause_group: PauseGroup | None = None
        self._given_back: set[asyncio.Future[None]] = set()
        self._releasing: SupportsRelease | None = releases(storage)
        self._prefetch = (
            None if limits.prefetch is None else PrefetchWindow(limits.batch_count, limits.prefetch)
        )
        self._settler = Settler(
            writer_for(storage, source.stream, source.group, source.consumer),
            stream=source.stream,
            release=self._settled,
            lost=self._was_lost,
            delay=limits.ack_delay,
            incidents=incidents,
        )
        self._pool = WorkerPool(
            limits.concurrency,
            self._handle,
            None if limits.order_by is None else KeyedQueue(limits.order_by),
            done=self._settler.add,
            failed=self._failed,
            stuck=self._is_stuck,
        )

    def open(self) -> None:
        """Start: what is taken from now on runs."""
        self._quota_freed = asyncio.Event()
        self._pool.open()
        self._settler.open()
        self._pause_group = pause_group_of_loop()
        self._pause_group.join(self)

    async def close(self) -> None:
        """Let running handlers finish within the grace, settle, and release the rest.

        When it returns, every entry that was held is settled, released to other workers, or pending
        (the storage could not be reached).
        """
        await self._release(self._pool.clear(), started=False)
        cut = await self._pool.close(self._limits.grace)
        if self._pool.uncancellable:
            said = "of the cancelled handlers, %d did not end"
            uncancellable = self._pool.uncancellable
            self._incidents.report(
                Incident.STUCK, self._source.stream, said, uncancellable, count=uncancellable
            )
        if cut:
            grace = self._limits.grace
            log.warning(_CUT_ONE if len(cut) == 1 else _CUT_MANY, len(cut), grace)
        await self._settler.close(_SETTLE_PATIENCE)
        await self._release(cut, started=True)
        await asyncio.gather(*self._given_back)
        self.held.clear()
        if self._pause_group is not None:
            self._pause_group.leave(self)

    @property
    def running(self) -> int:
        """How many handlers run at this moment; may be asked from any thread."""
        return self._pool.running

    @property
    def stuck(self) -> int:
        """How many workers are occupied by handlers that do not end; may be called from any thread."""
        return self._pool.stuck

    def waiting(self) -> Collection[str]:
        """The ids of what is held and has not started; may be asked from any thread."""
        return self._pool.waiting()

    # What peers ask for.

    @property
    def has_last_delivery(self) -> bool:
        """Whether an entry on its last delivery runs here, or is not settled yet."""
        return any(map(self._deliveries.is_last_delivery, self.held.payloads.values()))

    def pause(self) -> None:
        """Start nothing more until ``resume()``."""
        self._pool.pause()

    def resume(self) -> None:
        """Go on; harmless where nothing is paused."""
        self._pool.resume()

    async def wait_idle(self) -> None:
        """Wait until no handler runs."""
        await self._pool.wait_idle()

    # What the intake asks for.

    async def room(self, *, claims: bool) -> int:
        """Wait for room; claims have room of their own, so that no backlog of new entries bars them."""
        await self._settler.room()
        if self._prefetch is None:
            await self._pool.room((3 if claims else 2) * self._limits.batch_count)
            return self._limits.batch_count
        pool = self._pool
        most = self._prefetch.room(queued=pool.queued, free=pool.free, started=pool.started)
        if claims:
            most += self._prefetch.most
        await pool.room(most // 2 + 1)
        return max(1, min(self._prefetch.most, most - pool.queued))

    def take(self, entries: list[Entry]) -> None:
        """Queue what was read."""
        if self._prefetch is not None:
            self._prefetch.record_read(entries)
        self._pool.put(self.held.add(entries))
        if self._pool.all_stuck:
            self._give_back()

    def take_claimed(self, entries: list[Entry], asked: int) -> bool:
        """Queue what was claimed before everything else; returns whether to claim again at once."""
        if self._prefetch is not None:
            self._prefetch.record_sizes(entries)
        new = self._take_over(entries)
        self._pool.put(new, first=True)
        if self._pool.all_stuck:
            self._give_back()
        return bool(new) and (len(entries) >= asked or over_byte_budget(entries))

    def quotas(self) -> Quotas:
        """How many of the entries that were delivered before may be claimed beside what is held."""
        return self._deliveries.quotas(self.held.payloads.values())

    async def wait_for_quota(self, seconds: float) -> None:
        """Wait until something has ended that had been delivered before, for so many seconds at most."""
        self._quota_freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quota_freed.wait()

    async def run_last_delivery(self, fetch: Callable[[Quotas], Awaitable[list[Entry]]]) -> bool:
        """Run one entry on its last delivery, with nothing beside it; returns whether there was one.

        ``fetch`` claims it: until then it is nobody's, and its last delivery is not spent. Everything that
        has ended is settled before it starts, and it before anything else does: if one of them kills the
        process, it costs no other a dead letter. A handler that takes long gets company: it must not hold up
        the worker. Others that go on and on, and do not leave it alone, are the only ones that run beside it.
        """
        group = self._pause_group
        if group is None or group.runs_last_delivery:
            return False
        lease = self._limits.lease
        longest = min(_LONGEST_ALONE, lease)
        async with group.exclusive(min(_PATIENCE, lease / 4)) as is_alone:
            await self._settler.flush(_FLUSH)
            entries = self._take_over(await fetch(self._deliveries.one_last_delivery()))
            if not entries:
                return False
            self._pool.put_exclusive(entries)
            with suppress(TimeoutError):
                async with asyncio.timeout(longest):
                    if is_alone:
                        await self._pool.wait_idle()
                        await self._settler.flush(_FLUSH)
                    while self.has_last_delivery:
                        await self.held.next_change()
        return True

    def on_lease_lost(self, leases: Iterable[tuple[str, int]]) -> None:
        """These entries (id, delivery count) are another worker's now: their handlers are cancelled."""
        for entry_id, deliveries in leases:
            if self.held.has_delivery(entry_id, deliveries):
                self._was_lost([entry_id])
                self.held.discard([(entry_id, self.held.get(entry_id))])
                self._pool.drop(entry_id)

    def _handle(self, _entry_id: str, payload: dict[str, Any]) -> Awaitable[None]:
        """Start one entry; one that must not run is done with at once, and its outcome is a dead letter."""
        if (
            isinstance(payload, Message)
            and (payload.decode_error is not None or payload.deliveries > self._last_delivery)
            and payload.outcomes is not None
        ):
            return self._dead_letter(payload)
        assert self.callback is not None  # noqa: S101 - the processor has made sure of it
        exit_if_forked()
        return self.callback(payload)

    def _failed(self, entry_id: str, payload: dict[str, Any], error: BaseException) -> None:
        """How this entry ended is written nowhere: it stays pending, and is claimed when its lease ends."""
        is_lost = issubclass(type(error), LeaseLostError)  # isinstance() would ask the exception itself
        if self.held.has(entry_id, payload):
            if is_lost:
                self._was_lost([entry_id])
            self.held.discard([(entry_id, payload)])
        if not is_lost and not is_own_cancellation(error):
            log.error("entry %s of %s stays pending: %s", entry_id, self._source.stream, one_line(error))

    async def _dead_letter(self, message: Message) -> None:
        """This entry must not be handled: its outcome is a dead letter."""
        if message.decode_error is not None:
            reason = message.decode_error
        else:
            reason = (
                f"delivered {message.deliveries - 1} times without an outcome: "
                "its workers died or were stopped while it ran"
            )
        said = "entry %s of %s goes to the dead letters: %s"
        log.error(said, message.id, self._source.stream, reason, extra=coalesced_by_reason(said, reason))
        message.outcomes = [DeadLetter(None, reason, attempt=message.attempt)]
        self._observe(message, None, Result.DEAD)

    def _take_over(self, entries: Iterable[Entry]) -> list[Entry]:
        """Hold what was claimed; returns what is to be handled."""
        new, stream = self.held.add(entries), self._source.stream
        again = sum(isinstance(payload, Message) and payload.deliveries > 1 for _, payload in new)
        if new:
            said = "%d entries of %s were taken over"
            self._incidents.report(Incident.CLAIMED, stream, said, len(new), stream, count=len(new))
        if again:
            said = "%d entries of %s are delivered again"
            self._incidents.report(Incident.REDELIVERED, stream, said, again, stream, count=again)
        return new

    async def _release(self, entries: Mapping[str, dict[str, Any]], *, started: bool) -> None:
        """Give entries that did not finish to other workers now, where the storage can."""
        messages = {key: value for key, value in entries.items() if isinstance(value, Message)}
        self.held.discard(entries.items())
        if self._releasing is None or not messages:
            return
        try:
            await self._releasing.release(*self._source, messages, started=started)
        except Exception as error:  # noqa: BLE001 - they stay pending, and are claimed when the lease ends
            log.warning("%d entries wait for their lease to end: %s", len(messages), one_line(error))

    def _is_stuck(self, entry_id: str, payload: dict[str, Any], worker: Worker) -> None:
        """Report a handler that runs on although it was cancelled, and give up its entry.

        The entry of a plain function has its outcome already.
        """
        stream = self._source.stream
        if worker.left is None:
            self._incidents.report(Incident.STUCK, stream, _STUCK, entry_id, stream, task_stack(worker.task))
            self.held.discard([(entry_id, payload)])  # its lease ends, and it is delivered again
        else:
            stack = ", and ".join(map(thread_stack, worker.left.calls))
            self._incidents.report(Incident.STUCK, stream, _RUNS_ON, entry_id, stream, stack)
        if self._pool.all_stuck:
            self._give_back()
        self._on_stuck()

    def _give_back(self) -> None:
        """Release what is queued to other processes: no worker is left here to run it."""
        entries = self._pool.clear()
        if entries:
            task = asyncio.ensure_future(self._release(entries, started=False))
            self._given_back.add(task)
            task.add_done_callback(self._given_back.discard)

    def _settled(self, finished: Mapping[str, dict[str, Any]]) -> None:
        self.held.discard(finished.items())
        for payload in finished.values():
            if isinstance(payload, Message):
                if payload.outcomes:
                    self._expect_retries(payload.outcomes)
                if payload.deliveries > 1:
                    self._quota_freed.set()

    def _expect_retries(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, RetryLater):
                self._due.expect(outcome.delay)

    def _was_lost(self, entry_ids: Iterable[str]) -> None:
        for entry_id in entry_ids:
            log.warning("entry %s of %s had gone to another worker", entry_id, self._source.stream)
            self._observe(self.held.get(entry_id), None, Result.LOST)
