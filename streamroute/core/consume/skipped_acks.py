"""SkippedAcks: acknowledge the entries that are skipped where they are read, many in one call.

They are not held. One that is not acknowledged before its lease ends is delivered again, to any worker, and
handled there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.fetch.prefetch import PrefetchWindow
from streamroute.core.consume.flush_timer import FlushTimer, flush_timer_of_loop
from streamroute.core.storage import StreamStorageProtocol, skips
from streamroute.incidents import Incidents
from streamroute.outages import OutageTracker
from streamroute.values import SkippedEntries

log = logging.getLogger(__name__)

_BATCH: Final = 500  # entries that are acknowledged without waiting for more


class SkippedAcks:
    """The ``SkipSink`` of one consumer; ``accepts`` tells whether entries may be skipped now.

    An entry waits at most ``delay`` seconds for others, and for finished entries, which are then settled in
    the same round trip. Reading stops while ``max_unsettled`` entries wait: the storage is unreachable.
    ``skipped`` is the number of entries so far.
    """

    def __init__(
        self,
        ack: Callable[[Sequence[SkippedEntries]], Awaitable[None]],
        accepts: Callable[[], bool],
        prefetch: PrefetchWindow | None,
        outage: OutageTracker,
        *,
        delay: float,
        max_unsettled: int,
    ) -> None:
        self._ack = ack
        self._accepts = accepts
        self._prefetch = prefetch
        self._outage = outage
        self._delay = delay
        self._max_unsettled = max_unsettled
        self.skipped = 0
        self._is_running = False
        self._waiting: list[SkippedEntries] = []
        self._count = 0  # entries that are not acknowledged yet
        self._flush_requested, self._progress = asyncio.Event(), asyncio.Event()
        self._timer: FlushTimer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """See ``SkipSink``."""
        return self._is_running and self._accepts()

    def open(self) -> None:
        """Accept entries."""
        self._flush_requested, self._progress = asyncio.Event(), asyncio.Event()
        self._timer = flush_timer_of_loop(self._delay)
        self._task = asyncio.create_task(self._run())
        self._is_running = True

    def skip(self, entries: SkippedEntries) -> None:
        """See ``SkipSink``."""
        if self._prefetch is not None:
            self._prefetch.record_skipped(len(entries.ids), entries.of, entries.mean_bytes)
        self._waiting.append(entries)
        self._count += len(entries.ids)
        self.skipped += len(entries.ids)
        if self._count >= _BATCH or self._timer is None:
            self._flush_requested.set()
        else:
            self._timer.add(self._flush_requested)

    async def room(self) -> None:
        """Wait while too many entries are not acknowledged."""
        while self._count >= self._max_unsettled:
            await self._next_progress()

    async def flush(self, patience: float) -> None:
        """Acknowledge what waits now, for at most ``patience`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._count:
                    self._flush_requested.set()
                    await self._next_progress()

    async def close(self, patience: float) -> None:
        """Acknowledge what is left, for at most ``patience`` seconds; the rest stays pending in the group."""
        self._is_running = False
        await self.flush(patience)
        if self._count:
            log.error(
                "%d entries that no route takes could not be acknowledged; they stay pending", self._count
            )
        if self._timer is not None:
            self._timer.discard(self._flush_requested)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._waiting, self._count, self._task = [], 0, None

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def _run(self) -> None:
        while True:
            await self._flush_requested.wait()
            self._flush_requested.clear()
            while self._waiting:
                await self._write()

    async def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            await self._ack(batch)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises, the entries are kept
            self._waiting = batch + self._waiting
            await asyncio.sleep(self._outage.record_failure(error))
        else:
            self._count -= sum(len(entries.ids) for entries in batch)
            self._outage.record_success()
            self._progress.set()


def skipped_acks(
    storage: StreamStorageProtocol,
    consumer: ConsumerId,
    settings: ConsumerSettings,
    prefetch: PrefetchWindow | None,
    incidents: Incidents,
    accepts: Callable[[], bool],
) -> SkippedAcks:
    """Return the acknowledgements of a consumer; its storage skips entries from now on, if it can."""
    skipping = skips(storage)

    async def ack(entries: Sequence[SkippedEntries]) -> None:
        if skipping is not None:
            await skipping.ack_skipped(*consumer, entries)

    tuning = settings.tuning
    outage = OutageTracker("acknowledging entries of %s", consumer.stream, incidents, tuning.backoff)
    acks = SkippedAcks(
        *(ack, accepts, prefetch, outage), delay=settings.ack_delay, max_unsettled=tuning.max_unsettled
    )
    if skipping is not None:
        skipping.skip_into(*consumer, acks)
    return acks
