"""Handling: what happens to an entry from the moment it is taken in until it is settled or let go."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamroute.core.backoff import describe
from streamroute.core.cancellation import is_our_end
from streamroute.core.held import Held
from streamroute.core.intake import Source
from streamroute.core.observer import Observer, Result
from streamroute.core.ordering import KeyOf, KeyOrder
from streamroute.core.pace import Pace, is_heavy
from streamroute.core.settling import Settler, writer_for
from streamroute.core.slots import Entry, Slots
from streamroute.core.storage import Releases, StreamStorageProtocol, releases
from streamroute.incidents import Incident, Incidents
from streamroute.log_coalescing import coalesced_by_reason
from streamroute.message import Message
from streamroute.values import DeadLetter, Outcome, RetryLater

log = logging.getLogger(__name__)

MessageCallback = Callable[[dict[str, Any]], Awaitable[None]]
"""``async (payload)``: returning lets the entry be acked, raising leaves it pending."""

_ALONE_PATIENCE: Final = 0.25  # of a lease, that an entry on its last delivery waits for others to end
_CUT_ONE: Final = "%d handler was cut off after %gs; its entry runs again"
_CUT_MANY: Final = "%d handlers were cut off after %gs; their entries run again"
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

    ``callback`` must be set before entries are taken. ``claim_one`` claims at most one entry, and
    ``expect_retry`` is told the delay of each retry that was written.
    """

    def __init__(
        self,
        storage: StreamStorageProtocol,
        source: Source,
        limits: Limits,
        observer: Observer,
        incidents: Incidents,
        *,
        claim_one: Callable[[], Awaitable[list[Entry]]],
        expect_retry: Callable[[float], None],
    ) -> None:
        self.callback: MessageCallback | None = None
        self.held = Held()
        self._source = source
        self._limits = limits
        self._most = limits.max_deliveries
        self._observe = observer
        self._incidents = incidents
        self._claim_one = claim_one
        self._expect_retry = expect_retry
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
        )

    def open(self) -> None:
        """Start: what is taken from now on runs."""
        self._slots.open()
        self._settler.open()

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
            self._incidents.tell(Incident.STUCK, self._source.stream, said, deaf, count=deaf)
        if cut:
            grace = self._limits.grace
            log.warning(_CUT_ONE if len(cut) == 1 else _CUT_MANY, len(cut), grace)
        await self._settler.close(_SETTLE_PATIENCE)
        await self._release(cut, started=True)
        self.held.clear()

    @property
    def running(self) -> int:
        """How many handlers run at this moment; may be asked from any thread."""
        return self._slots.running

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

    async def take_claimed(self, entries: list[Entry], asked: int) -> bool:
        """Queue what was claimed before everything else; returns whether to claim again at once.

        Entries on their last delivery are released again, and one of them runs once nothing else does:
        were they held beside others, one that kills the process would spend the deliveries of all. One that
        runs for longer than a lease gets company: a handler that hangs must not hold up its worker.
        """
        if self._pace is not None:
            self._pace.weigh(entries)
        suspects = {entry_id: payload for entry_id, payload in entries if self._is_suspect(entry_id, payload)}
        new = self._take_over(entry for entry in entries if entry[0] not in suspects)
        self._slots.put(new, first=True)
        if not suspects:
            return bool(new) and (len(entries) >= asked or is_heavy(entries))
        await self._release(suspects, started=False)
        lease = self._limits.lease
        if not await self._slots.run_alone(self._take_one, lease * _ALONE_PATIENCE, longest=lease):
            # Something runs on and on here: better in company than never.
            self._slots.put(await self._take_one(), first=True)
        return True

    def lose(self, leases: Iterable[tuple[str, int]]) -> None:
        """These entries (id, delivery count) are another worker's now: their handlers are cancelled."""
        for entry_id, deliveries in leases:
            if self.held.has_delivery(entry_id, deliveries):
                self._was_lost([entry_id])
                self.held.let_go([entry_id])
                self._slots.drop(entry_id)

    def _handle(self, _entry_id: str, payload: dict[str, Any]) -> Awaitable[None]:
        """Start one entry; one that must not run is done with at once, and its outcome is a dead letter."""
        if (
            isinstance(payload, Message)
            and (payload.fault is not None or payload.deliveries > self._most)
            and payload.outcomes is not None
        ):
            return self._give_up(payload)
        assert self.callback is not None  # noqa: S101 - the processor has made sure of it
        return self.callback(payload)

    def _failed(self, entry_id: str, payload: dict[str, Any], error: BaseException) -> None:
        """How this entry ended is written nowhere: it stays pending, and is claimed when its lease ends."""
        if self.held.has(entry_id, payload):
            self.held.let_go([entry_id])
        if not is_our_end(error):
            log.error("entry %s of %s stays pending: %s", entry_id, self._source.stream, describe(error))

    async def _give_up(self, message: Message) -> None:
        """This entry must not be handled: its outcome is a dead letter."""
        if message.fault is not None:
            reason = message.fault
        else:
            reason = (
                f"delivered {message.deliveries - 1} times without an outcome: "
                "its workers died or were stopped while it ran"
            )
        said = "entry %s of %s goes to the dead letters: %s"
        log.error(said, message.id, self._source.stream, reason, extra=coalesced_by_reason(said, reason))
        message.outcomes = [DeadLetter(None, reason, attempt=message.attempt)]
        self._observe(message, None, Result.DEAD)

    def _is_suspect(self, entry_id: str, payload: dict[str, Any]) -> bool:
        """Whether this is an entry's last delivery, after others that had no outcome."""
        if self._releasing is None or not isinstance(payload, Message) or entry_id in self.held:
            return False
        return 1 < payload.deliveries == self._limits.max_deliveries

    async def _take_one(self) -> list[Entry]:
        return self._take_over(await self._claim_one())

    def _take_over(self, entries: Iterable[Entry]) -> list[Entry]:
        """Hold what was claimed; returns what is to be handled."""
        new, stream = self.held.take(entries), self._source.stream
        again = sum(isinstance(payload, Message) and payload.deliveries > 1 for _, payload in new)
        if new:
            said = "%d entries of %s were taken over"
            self._incidents.tell(Incident.CLAIMED, stream, said, len(new), stream, count=len(new))
        if again:
            said = "%d entries of %s are delivered again"
            self._incidents.tell(Incident.REDELIVERED, stream, said, again, stream, count=again)
        return new

    async def _release(self, entries: Mapping[str, dict[str, Any]], *, started: bool) -> None:
        """Give entries that did not finish to other workers now, where the storage can."""
        messages = {key: value for key, value in entries.items() if isinstance(value, Message)}
        self.held.let_go(entries)
        if self._releasing is None or not messages:
            return
        try:
            await self._releasing.release(*self._source, messages, started=started)
        except Exception as error:  # noqa: BLE001 - they stay pending, and are claimed when the lease ends
            log.warning("%d entries wait for their lease to end: %s", len(messages), describe(error))

    def _settled(self, finished: Mapping[str, dict[str, Any]]) -> None:
        self.held.let_go(finished)
        for payload in finished.values():
            if isinstance(payload, Message) and payload.outcomes:
                self._expect_retries(payload.outcomes)

    def _expect_retries(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, RetryLater):
                self._expect_retry(outcome.delay)

    def _was_lost(self, entry_ids: Iterable[str]) -> None:
        for entry_id in entry_ids:
            log.warning("entry %s of %s had gone to another worker", entry_id, self._source.stream)
            self._observe(self.held.get(entry_id), None, Result.LOST)
