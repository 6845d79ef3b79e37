"""RedisStreamProcessor: reads a stream for a consumer group, and answers for every entry it holds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from streamroute.core.backoff import Outage, describe
from streamroute.core.cancellation import is_our_end
from streamroute.core.intake import Intake, Source
from streamroute.core.observer import Observer, Result, ignore
from streamroute.core.settling import Settler, writer_for
from streamroute.core.slots import Entry, Slots
from streamroute.core.storage import StreamStorageProtocol, releases
from streamroute.errors import SetupError
from streamroute.message import Message
from streamroute.values import DeadLetter, RetryLater

log = logging.getLogger(__name__)

MessageCallback = Callable[[dict[str, Any]], Awaitable[None]]
"""``async (payload)``: returning lets the entry be acked, raising leaves it pending."""

_GROUP_ATTEMPTS: Final = 5
_SETTLE_PATIENCE: Final = 5.0  # seconds that a stopping processor tries to write its last outcomes


class RedisStreamProcessor:
    """Consumes one stream: reads, hands each entry to the callback, acks what succeeded.

    What happens to an entry: it is *held* from the read until it is settled. Success acks it. A failure
    that the storage can write down (a retry, a dead letter) is settled in one step with the ack. Any
    other failure leaves it pending, to be claimed once it has been idle for ``lease`` seconds. What
    cannot be decoded, or was delivered more than ``max_deliveries`` times, is dead-lettered.

    The parameters up to ``poll_interval`` are those of the API that this class shares with others;
    ``poll_interval`` is how long, in seconds, an empty read is slept over where the storage does not
    wait on the server itself. The others: ``concurrency`` handlers run at once (1 keeps the stream's
    order); ``claim_interval`` and ``grace`` are in seconds, ``grace`` being what ``stop_listening()``
    gives running handlers; an ack waits at most ``ack_delay`` seconds for others.
    """

    def __init__(  # noqa: PLR0913 - the settings of a consumer, each with a default
        self,
        storage: StreamStorageProtocol,
        stream_name: str,
        consumer_group_name: str,
        consumer_name: str,
        batch_count: int = 10,
        poll_interval: float = 1.0,
        *,
        concurrency: int = 1,
        lease: float = 60.0,
        claim_interval: float = 5.0,
        max_deliveries: int = 5,
        grace: float = 30.0,
        ack_delay: float = 0.005,
        observer: Observer = ignore,
    ) -> None:
        self.storage = storage
        self.stream_name = stream_name
        self.consumer_group_name = consumer_group_name
        self.consumer_name = consumer_name
        self.batch_count = batch_count
        self.poll_interval = poll_interval
        self.max_deliveries = max_deliveries
        self.grace = grace
        self._observe = observer
        self._callback: MessageCallback | None = None
        self._held: dict[str, dict[str, Any]] = {}
        self._listening = False
        self._slots = Slots(concurrency, self._handle)
        self._settler = Settler(
            writer_for(storage, stream_name, consumer_group_name, consumer_name),
            activity=f"settling entries of {stream_name}",
            release=self._settled,
            lost=self._report_lost,
            delay=ack_delay,
        )
        self._intake = Intake(
            storage,
            Source(stream_name, consumer_group_name, consumer_name),
            take=self._take,
            room=self._room,
            poll_interval=poll_interval,
            lease=lease,
            claim_interval=claim_interval,
        )

    def set_message_callback(self, callback: MessageCallback) -> None:
        """Set what handles each payload, usually ``dispatcher.process_message``."""
        self._callback = callback

    async def start_listening(self) -> None:
        """Create the group where it is missing, then consume in the background; harmless when started.

        Raises SetupError without a callback, and the storage's own error when the group could not be
        created in five attempts.
        """
        if self._listening:
            return
        if self._callback is None:
            raise SetupError("call set_message_callback(...) before start_listening()")
        self._listening = True
        try:
            await self._create_group()
        except BaseException:
            self._listening = False
            raise
        self._slots.open()
        self._settler.open()
        self._intake.open()

    async def stop_listening(self) -> None:
        """Stop reading, let running handlers finish within ``grace``, settle, and release the rest.

        When it returns, every entry that was held is settled, released to other workers, or pending
        (a handler that was cut off, or a storage that could not be reached).
        """
        if not self._listening:
            return
        await self._intake.close()
        await self._release(self._slots.clear(), started=False)
        cut = await self._slots.close(self.grace)
        if cut:
            log.warning("%d handlers were cut off after %gs; their entries run again", len(cut), self.grace)
        await self._settler.close(_SETTLE_PATIENCE)
        unfinished = {entry_id: self._held[entry_id] for entry_id in cut if entry_id in self._held}
        await self._release(unfinished, started=True)
        self._held.clear()
        self._listening = False

    async def _create_group(self) -> None:
        outage = Outage(f"creating the group {self.consumer_group_name} of {self.stream_name}")
        for attempt in range(1, _GROUP_ATTEMPTS + 1):
            try:
                await self.storage.create_group(self.stream_name, self.consumer_group_name)
            except Exception as error:
                if attempt == _GROUP_ATTEMPTS:
                    raise
                await asyncio.sleep(outage.failed(error))
            else:
                return

    async def _room(self, for_claims: bool) -> int:
        """How many more entries may be held; claims have room of their own, so that no backlog bars them."""
        if not for_claims:
            await self._slots.room(self.batch_count)
            return self.batch_count
        await self._slots.room(2 * self.batch_count)
        return self.batch_count

    def _take(self, entries: list[Entry], claimed: bool) -> None:
        if claimed:
            # What is in flight here is ours already, however long it has been running.
            entries = [entry for entry in entries if entry[0] not in self._held]
        self._held.update(entries)
        self._slots.put(entries, first=claimed)

    async def _handle(self, entry_id: str, payload: dict[str, Any]) -> None:
        """One entry: whatever happens, it is settled or stays pending, and the worker goes on."""
        if isinstance(payload, Message) and payload.outcomes is not None and self._is_hopeless(payload):
            return self._settler.add(entry_id, payload)
        assert self._callback is not None  # noqa: S101 - start_listening has made sure of it
        try:
            await self._callback(payload)
        except BaseException as error:
            if is_our_end(error):
                raise
            log.error("entry %s of %s stays pending: %s", entry_id, self.stream_name, describe(error))
            self._forget([entry_id])
        else:
            self._settler.add(entry_id, payload)
        return None

    def _is_hopeless(self, message: Message) -> bool:
        """Whether this entry must not be handled; then its outcome is a dead letter."""
        if message.fault is not None:
            reason = message.fault
        elif message.deliveries > self.max_deliveries:
            reason = (
                f"delivered {message.deliveries - 1} times without an outcome: "
                "its workers died or were stopped while it ran"
            )
        else:
            return False
        log.error("entry %s of %s goes to the dead letters: %s", message.id, self.stream_name, reason)
        message.outcomes = [DeadLetter(None, reason, attempt=message.attempt)]
        self._observe(message, None, Result.DEAD)
        return True

    async def _release(self, entries: dict[str, dict[str, Any]], *, started: bool) -> None:
        """Give entries that did not finish to other workers now, where the storage can."""
        storage = releases(self.storage)
        messages = {key: value for key, value in entries.items() if isinstance(value, Message)}
        if storage is None or not messages:
            return
        where = (self.stream_name, self.consumer_group_name, self.consumer_name)
        try:
            await storage.release(*where, messages, started=started)
        except Exception as error:  # noqa: BLE001 - they stay pending, and are claimed when the lease ends
            log.warning("%d entries wait for their lease to end: %s", len(messages), describe(error))

    def _settled(self, finished: Mapping[str, dict[str, Any]]) -> None:
        for payload in finished.values():
            if isinstance(payload, Message) and payload.outcomes:
                for outcome in payload.outcomes:
                    if isinstance(outcome, RetryLater):
                        self._intake.expect_retry(outcome.delay)
        self._forget(finished)

    def _forget(self, entry_ids: Iterable[str]) -> None:
        for entry_id in entry_ids:
            self._held.pop(entry_id, None)

    def _report_lost(self, entry_ids: Iterable[str]) -> None:
        for entry_id in entry_ids:
            log.warning("entry %s of %s had gone to another worker", entry_id, self.stream_name)
