"""RedisStreamProcessor: read a stream for a consumer group, and settle every entry it holds."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, Final, cast

from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.entry_lifecycle import EntryLifecycle
from streamroute.core.consume.entry_starter import MessageCallback
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.fetch.fetcher import Fetcher
from streamroute.core.consume.pool.key_ordering import KeyOf
from streamroute.core.consume.tuning import TUNING, Tuning
from streamroute.core.observer import Observer, ignore_result
from streamroute.core.storage import (
    LeaseKeeper,
    StreamStorageProtocol,
    has_method,
    interrupts_reads,
    keeps_leases,
    pauses,
)
from streamroute.errors import SetupError
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.message import Message
from streamroute.outages import OutageTracker
from streamroute.pauses import PauseGate, UsesPauseGate
from streamroute.system.forked import PROCESS, begin_consuming, end_consuming
from streamroute.system.waiting import wait_until
from streamroute.text.safe_text import type_name
from streamroute.values import KnownRoutes, Lease

_GROUP_ATTEMPTS: Final = 5


def ignore_stuck() -> None:
    """Default for ``on_stuck``: the stream continues with one worker less."""


class RedisStreamProcessor:
    """Consumes one stream: reads entries, passes each to the callback, and acks those that succeed.

    An entry is *held* from the read until it is settled. Success acks it. A failure that the storage can
    write (a retry, a dead letter) is settled in one step with the ack. Any other failure leaves the entry
    pending, to be claimed once it has been idle for ``lease`` seconds. An entry that cannot be decoded, or
    was delivered more than ``max_deliveries`` times, is dead-lettered. An entry on its last delivery runs
    alone in its process, for ten seconds or a lease at most: if it kills its worker, no other entry loses a
    delivery.

    The parameters up to ``poll_interval`` are those of the common processor API; ``poll_interval`` is the
    pause in seconds after an empty read, if the storage does not block on the server. The others:
    ``concurrency`` handlers run at once (1 keeps the stream's order); ``claim_interval`` and ``grace`` are in
    seconds, and ``grace`` is the time that ``stop_listening()`` gives running handlers; an ack waits at most
    ``ack_delay`` seconds for others. With ``prefetch`` seconds, reads are adaptive: at most ``batch_count``
    entries, and what the handlers will start in that time; without it, each read requests ``batch_count``.
    ``order_by`` returns the key of a payload (None: no key): entries with equal keys run one at a time, in
    the order in which they were read. ``observer`` is called with the outcomes of messages, ``incidents``
    reports other events of the stream, and ``on_stuck`` is called when a handler still runs ten seconds after
    it was cancelled. ``tuning`` are waits that suit every deployment.

    >>> processor = RedisStreamProcessor(storage, "bot_events", "bot", "worker-1")  # doctest: +SKIP
    >>> processor.set_message_callback(dispatcher.process_message)  # doctest: +SKIP
    >>> await processor.start_listening()  # doctest: +SKIP
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
        prefetch: float | None = None,
        order_by: KeyOf | None = None,
        observer: Observer = ignore_result,
        incidents: Incidents = LOG_ONLY,
        on_stuck: Callable[[], None] = ignore_stuck,
        tuning: Tuning = TUNING,
    ) -> None:
        self.storage = storage
        self.stream_name = stream_name
        self.consumer_group_name = consumer_group_name
        self.consumer_name = consumer_name
        self._incidents = incidents
        self._backoff = tuning.backoff
        self._known_routes: Callable[[], KnownRoutes] = KnownRoutes
        self._turn = asyncio.Lock()
        self._listening = False
        self._is_retired = False
        consumer = ConsumerId(stream_name, consumer_group_name, consumer_name)
        settings = ConsumerSettings(
            batch_count=batch_count,
            concurrency=concurrency,
            max_deliveries=max_deliveries,
            lease=Lease.of(lease),
            grace=grace,
            ack_delay=ack_delay,
            prefetch=prefetch,
            order_by=order_by,
            poll_interval=poll_interval,
            claim_interval=claim_interval,
            tuning=tuning,
        )
        self._settings = settings
        self._has_key = order_by is not None
        due = DueTimer()
        self._lifecycle = EntryLifecycle(storage, consumer, settings, observer, incidents, due, on_stuck)
        self._fetcher = Fetcher(storage, consumer, settings, self._lifecycle, incidents, due)
        self._keeper = self._lease_keeper(consumer)
        self._gate = self._pause_gate(consumer, concurrency)

    def set_message_callback(
        self, callback: MessageCallback, known_routes: Callable[[], KnownRoutes] | None = None
    ) -> None:
        """Set the callback for each payload, usually a dispatcher's ``start_message`` or ``process_message``.

        ``known_routes`` returns the routes that the callback runs, for the group's other workers; it is
        called from any thread. By default it is that of the dispatcher whose method the callback is.
        """
        self._lifecycle.callback = callback
        if self._gate is not None:
            _use_gate(callback, self._gate)
        self._known_routes = known_routes or _known_routes_of(callback)

    async def start_listening(self) -> None:
        """Create the group if it is missing, then consume in the background; do nothing if already started.

        Raises SetupError without a callback, without a storage, or in a process forked by a handler, and the
        storage's error if the group cannot be created in five attempts (a SetupError at once).
        """
        async with self._turn:
            if self._listening:
                return
            if self._lifecycle.callback is None:
                raise SetupError("call set_message_callback(...) before start_listening()")
            if not callable(getattr(self.storage, "create_group", None)):
                name = type_name(self.storage)
                raise SetupError(f"{name} is not a storage of streams; pass RedisStreamStorage(client)")
            if PROCESS.is_copy:
                raise SetupError("this process was forked by a handler; consume in a process that is started")
            await self._create_group()
            begin_consuming(self, asyncio.get_running_loop())
            self._listening, self._is_retired = True, False
            if self._keeper is not None:
                await self._keeper.open()
            self._lifecycle.open()
            self._fetcher.open()

    async def stop_listening(self) -> None:
        """Stop reading, let running handlers finish within ``grace``, settle, and release the rest.

        When it returns, every entry that was held is settled, released to other workers, or still pending (if
        the storage was unreachable). Does nothing if already stopped.
        """
        async with self._turn:
            if not self._listening:
                return
            await self._fetcher.close()
            await self._lifecycle.close()
            if self._keeper is not None:
                await self._keeper.close()
            self._listening = False
            end_consuming(self)

    def resize(self, concurrency: int) -> None:
        """Run at most ``concurrency`` handlers at once from now on; surplus ones that run now may end."""
        if self._gate is not None:
            self._gate.keeps_order = self._has_key or concurrency == 1
        self._lifecycle.resize(concurrency)

    def retire(self) -> None:
        """Start no more entries, and release those that are queued; running handlers continue.

        From now on this consumer has no routes for the group's other workers. Call ``drain()`` next.
        """
        self._is_retired = True
        self._lifecycle.retire()

    async def drain(self) -> None:
        """Stop reading, let running handlers end in any time, settle, and stop.

        ``stop_listening()`` limits the time to ``grace`` seconds.
        """
        async with self._turn:
            if self._listening:
                await self._fetcher.close()
        await wait_until(lambda: self._lifecycle.is_empty)
        await self.stop_listening()

    @property
    def is_running(self) -> bool:
        """Whether ``start_listening()`` succeeded and ``stop_listening()`` has not ended; for any thread."""
        return self._listening

    @property
    def group_name(self) -> str:
        """The consumer group: another name of ``consumer_group_name``, as in ``codex_bot.redis``."""
        return self.consumer_group_name

    @property
    def batch_count(self) -> int:
        """How many entries one read requests."""
        return self._settings.batch_count

    @property
    def poll_interval(self) -> float:
        """The pause in seconds after an empty read, if the storage does not block on the server."""
        return self._settings.poll_interval

    @property
    def is_idle(self) -> bool:
        """Whether it reads nothing and runs no handler, except stuck ones; then another may continue."""
        return not self._fetcher.is_open and self._lifecycle.is_idle

    @property
    def running(self) -> int:
        """The number of running handlers; may be read from any thread."""
        return self._lifecycle.running

    @property
    def stuck(self) -> int:
        """The number of workers occupied by stuck handlers; may be read from any thread."""
        return self._lifecycle.stuck

    @property
    def held(self) -> int:
        """The number of entries that it holds, those that wait for a handler included; for any thread."""
        return len(self._lifecycle.in_flight.payloads)

    def running_messages(self) -> list[Message]:
        """Return the messages that handlers use now, stuck ones included; may be called from any thread."""
        return self._lifecycle.running_messages()

    def in_flight_of(self, pipeline: object) -> int:
        """Return how many entries that this pipeline decoded are not settled, released or lost yet.

        An entry counts until its handler has ended, too.
        """
        return self._lifecycle.in_flight_of(pipeline)

    async def _create_group(self) -> None:
        doing = f"creating the group {self.consumer_group_name} of %s"
        outage = OutageTracker(doing, self.stream_name, self._incidents, self._backoff)
        for attempt in range(1, _GROUP_ATTEMPTS + 1):
            try:
                await self.storage.create_group(self.stream_name, self.consumer_group_name)
            except Exception as error:
                if attempt == _GROUP_ATTEMPTS or issubclass(type(error), SetupError):
                    raise
                await asyncio.sleep(outage.record_failure(error))
            else:
                return

    def _lease_keeper(self, consumer: ConsumerId) -> LeaseKeeper | None:
        keeping = keeps_leases(self.storage)
        if keeping is None:
            return None
        lifecycle = self._lifecycle
        return keeping.lease_keeper(
            *consumer,
            held=lifecycle.in_flight.snapshot,
            lost=lifecycle.on_lease_lost,
            waiting=lifecycle.waiting,
            known_routes=self._current_known_routes,
        )

    def _pause_gate(self, consumer: ConsumerId, concurrency: int) -> PauseGate | None:
        pausing = pauses(self.storage)
        if pausing is None:
            return None
        gate = pausing.pause_gate(consumer.stream, consumer.group)
        gate.on_stream_paused(self._hold)
        gate.keeps_order = self._has_key or concurrency == 1
        return gate

    def _hold(self, is_paused: bool) -> None:
        """Start no entries while the stream is paused; those that were read stay held, in their order."""
        self._lifecycle.hold(is_paused=is_paused)
        interrupting = interrupts_reads(self.storage)
        if is_paused and interrupting is not None:
            interrupting.interrupt_read(self.stream_name, self.consumer_group_name, self.consumer_name)

    def _current_known_routes(self) -> KnownRoutes:
        """Return the routes that the callback runs; may be called from any thread."""
        return KnownRoutes() if self._is_retired else self._known_routes()


def _use_gate(callback: Any, gate: PauseGate) -> None:
    """Let the dispatcher whose method the callback, or a partial of it, is ask the gate."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    owner = getattr(callback, "__self__", None)
    if has_method(owner, "use_gate"):
        cast("UsesPauseGate", owner).use_gate(gate)


def _known_routes_of(callback: Any) -> Callable[[], KnownRoutes]:
    """Return the ``known_routes`` of the dispatcher whose method the callback, or a partial of it, is."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    knows = getattr(getattr(callback, "__self__", None), "known_routes", None)

    def known_routes() -> KnownRoutes:
        known = knows() if callable(knows) else None
        return known if isinstance(known, KnownRoutes) else KnownRoutes()

    return known_routes
