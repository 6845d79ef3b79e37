"""Handling: what happens to an entry from the moment it is taken in until it is settled or let go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from streamroute.core.cancellation import is_our_end
from streamroute.core.consume.batch_limiter import DeliveryLimits
from streamroute.core.consume.due import DueTimer
from streamroute.core.consume.fetcher import Source
from streamroute.core.consume.in_flight import Held
from streamroute.core.consume.key_ordering import KeyOf, KeyOrder
from streamroute.core.consume.peers import Peers, peers_of_loop
from streamroute.core.consume.prefetch import Pace, is_heavy
from streamroute.core.consume.settler import Settler, writer_for
from streamroute.core.consume.worker_pool import Entry, Slots, Worker
from streamroute.core.observer import Observer, Result
from streamroute.core.stacks import stack_in_thread, stack_of
from streamroute.core.storage import Releases, StreamStorageProtocol, releases
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
    "a handler goes on although it was cancelled, and keeps its slot; entry %s of %s is given up: %s"
)
_RUNS_ON: Final = (
    "a plain function still runs after its timeout or cancellation and keeps its slot; "
    "it was started for entry %s of %s: %s"
)
_SETTLE_PATIENCE: Final = 5.0  # seconds that the last outcomes are tried to be written


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is handled at once, how often and for how long; times in seconds."""

    batch_count: int
    concurrency: int
    max_deliveries: int
    lease: float
    grace: float
    ack_delay: float
    prefetch: float | None = None
    order_by: KeyOf | None = None


class Handling:
    """The entries of one consumer: queued, run, settled.

    ``callback`` must be set before entries are taken. ``due`` is told of each retry that was written.
    ``on_stuck`` is called when a handler goes on although it was cancelled.
    """

    def __init__(
        self,
        storage: StreamStorageProtocol,
        source: Source,
        limits: Limits,
        observer: Observer,
        incidents: Incidents,
        due: DueTimer,
        on_stuck: Callable[[], None],
    ) -> None:
        self.callback: MessageCallback | None = None
        self.held = Held()
        self._source = source
        self._limits = limits
        self._deliveries = DeliveryLimits(limits.max_deliveries, limits.concurrency)
        self._last_delivery = limits.max_deliveries
        self._observe = observer
        self._incidents = incidents
        self._due = due
        self._on_stuck = on_stuck
        self._quota_freed = asyncio.Event()
        self._peers: Peers | None = None
        self._given_back: set[asyncio.Future[None]] = set()
        self._releasing: Releases | None = releases(storage)
        self._pace = None if limits.prefetch is None else Pace(limits.batch_count, limits.prefetch)
        self._settler = Settler(
            writer_for(storage, source.stream, source.group, source.consumer),
            stream=source.stream,
            release=self._settled,
            lost=self._was_lost,
            delay=limits.ack_delay,
            incidents=incidents,
        )
        self._slots = Slots(
            limits.concurrency,
            self._handle,
            None if limits.order_by is None else KeyOrder(limits.order_by),
            done=self._settler.add,
            failed=self._failed,
            stuck=self._is_stuck,
        )

    def open(self) -> None:
        """Start: what is taken from now on runs."""
        self._quota_freed = asyncio.Event()
        self._slots.open()
        self._settler.open()
        self._peers = peers_of_loop()
        self._peers.join(self)

    async def close(self) -> None:
        """Let running handlers finish within the grace, settle, and release the rest.

        When it returns, every entry that was held is settled, released to other workers, or pending
        (the storage could not be reached).
        """
        await self._release(self._slots.clear(), started=False)
        cut = await self._slots.close(self._limits.grace)
        if self._slots.deaf:
            said = "of the cancelled handlers, %d did not end"
            deaf = self._slots.deaf
            self._incidents.report(Incident.STUCK, self._source.stream, said, deaf, count=deaf)
        if cut:
            grace = self._limits.grace
            log.warning(_CUT_ONE if len(cut) == 1 else _CUT_MANY, len(cut), grace)
        await self._settler.close(_SETTLE_PATIENCE)
        await self._release(cut, started=True)
        await asyncio.gather(*self._given_back)
        self.held.clear()
        if self._peers is not None:
            self._peers.leave(self)

    @property
    def running(self) -> int:
        """How many handlers run at this moment; may be asked from any thread."""
        return self._slots.running

    @property
    def stuck(self) -> int:
        """How many slots are held by handlers that do not end; may be asked from any thread."""
        return self._slots.stuck

    def waiting(self) -> Collection[str]:
        """The ids of what is held and has not started; may be asked from any thread."""
        return self._slots.waiting()

    # What peers ask for.

    @property
    def has_suspect(self) -> bool:
        """Whether an entry on its last delivery runs here, or is not settled yet."""
        return any(map(self._deliveries.is_suspect, self.held.payloads.values()))

    def pause(self) -> None:
        """Start nothing more until ``resume()``."""
        self._slots.pause()

    def resume(self) -> None:
        """Go on; harmless where nothing is paused."""
        self._slots.resume()

    async def wait_idle(self) -> None:
        """Wait until no handler runs."""
        await self._slots.wait_idle()

    # What the intake asks for.

    async def room(self, *, claims: bool) -> int:
        """Wait for room; claims have room of their own, so that no backlog of new entries bars them."""
        await self._settler.room()
        if self._pace is None:
            await self._slots.room((3 if claims else 2) * self._limits.batch_count)
            return self._limits.batch_count
        slots = self._slots
        most = self._pace.room(queued=slots.queued, free=slots.free, started=slots.started)
        if claims:
            most += self._pace.most
        await slots.room(most // 2 + 1)
        return max(1, min(self._pace.most, most - slots.queued))

    def take(self, entries: list[Entry]) -> None:
        """Queue what was read."""
        if self._pace is not None:
            self._pace.read(entries)
        self._slots.put(self.held.take(entries))
        if self._slots.all_stuck:
            self._give_back()

    def take_claimed(self, entries: list[Entry], asked: int) -> bool:
        """Queue what was claimed before everything else; returns whether to claim again at once."""
        if self._pace is not None:
            self._pace.weigh(entries)
        new = self._take_over(entries)
        self._slots.put(new, first=True)
        if self._slots.all_stuck:
            self._give_back()
        return bool(new) and (len(entries) >= asked or is_heavy(entries))

    def quotas(self) -> Quotas:
        """How many of the entries that were delivered before may be claimed beside what is held."""
        return self._deliveries.quotas(self.held.payloads.values())

    async def wait_for_quota(self, seconds: float) -> None:
        """Wait until something has ended that had been delivered before, for so many seconds at most."""
        self._quota_freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quota_freed.wait()

    async def run_suspect(self, fetch: Callable[[Quotas], Awaitable[list[Entry]]]) -> bool:
        """Run one entry on its last delivery, with nothing beside it; returns whether there was one.

        ``fetch`` claims it: until then it is nobody's, and its last delivery is not spent. Everything that
        has ended is settled before it starts, and it before anything else does: if one of them kills the
        process, it costs no other a dead letter. A handler that takes long gets company: it must not hold up
        the worker. Others that go on and on, and do not leave it alone, are the only ones that run beside it.
        """
        peers = self._peers
        if peers is None or peers.have_suspect:
            return False
        lease = self._limits.lease
        longest = min(_LONGEST_ALONE, lease)
        async with peers.alone(min(_PATIENCE, lease / 4)) as is_alone:
            await self._settler.flush(_FLUSH)
            entries = self._take_over(await fetch(self._deliveries.one_suspect()))
            if not entries:
                return False
            self._slots.put_alone(entries)
            with suppress(TimeoutError):
                async with asyncio.timeout(longest):
                    if is_alone:
                        await self._slots.wait_idle()
                        await self._settler.flush(_FLUSH)
                    while self.has_suspect:
                        await self.held.next_change()
        return True

    def lose(self, leases: Iterable[tuple[str, int]]) -> None:
        """These entries (id, delivery count) are another worker's now: their handlers are cancelled."""
        for entry_id, deliveries in leases:
            if self.held.has_delivery(entry_id, deliveries):
                self._was_lost([entry_id])
                self.held.let_go([(entry_id, self.held.get(entry_id))])
                self._slots.drop(entry_id)

    def _handle(self, _entry_id: str, payload: dict[str, Any]) -> Awaitable[None]:
        """Start one entry; one that must not run is done with at once, and its outcome is a dead letter."""
        if (
            isinstance(payload, Message)
            and (payload.decode_error is not None or payload.deliveries > self._last_delivery)
            and payload.outcomes is not None
        ):
            return self._give_up(payload)
        assert self.callback is not None  # noqa: S101 - the processor has made sure of it
        exit_if_forked()
        return self.callback(payload)

    def _failed(self, entry_id: str, payload: dict[str, Any], error: BaseException) -> None:
        """How this entry ended is written nowhere: it stays pending, and is claimed when its lease ends."""
        is_lost = issubclass(type(error), LeaseLostError)  # isinstance() would ask the exception itself
        if self.held.has(entry_id, payload):
            if is_lost:
                self._was_lost([entry_id])
            self.held.let_go([(entry_id, payload)])
        if not is_lost and not is_our_end(error):
            log.error("entry %s of %s stays pending: %s", entry_id, self._source.stream, one_line(error))

    async def _give_up(self, message: Message) -> None:
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
        new, stream = self.held.take(entries), self._source.stream
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
        self.held.let_go(entries.items())
        if self._releasing is None or not messages:
            return
        try:
            await self._releasing.release(*self._source, messages, started=started)
        except Exception as error:  # noqa: BLE001 - they stay pending, and are claimed when the lease ends
            log.warning("%d entries wait for their lease to end: %s", len(messages), one_line(error))

    def _is_stuck(self, entry_id: str, payload: dict[str, Any], worker: Worker) -> None:
        """The handler goes on although it was cancelled, and its slot is lost.

        Its entry is given up. That of a plain function has its outcome already.
        """
        stream = self._source.stream
        if worker.left is None:
            self._incidents.report(Incident.STUCK, stream, _STUCK, entry_id, stream, stack_of(worker.task))
            self.held.let_go([(entry_id, payload)])  # its lease ends, and it is delivered again
        else:
            stack = ", and ".join(map(stack_in_thread, worker.left.calls))
            self._incidents.report(Incident.STUCK, stream, _RUNS_ON, entry_id, stream, stack)
        if self._slots.all_stuck:
            self._give_back()
        self._on_stuck()

    def _give_back(self) -> None:
        """No slot is left for what is queued: other workers may have it."""
        entries = self._slots.clear()
        if entries:
            task = asyncio.ensure_future(self._release(entries, started=False))
            self._given_back.add(task)
            task.add_done_callback(self._given_back.discard)

    def _settled(self, finished: Mapping[str, dict[str, Any]]) -> None:
        self.held.let_go(finished.items())
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
