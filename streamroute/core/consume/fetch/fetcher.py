"""Fetcher: claim what other consumers left pending, then read new entries.

It also promotes due retries and cleans up. Each activity has its own loop, which survives any error of the
storage: it waits, makes sure that the group exists, and continues.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.fetch.batch_limiter import BatchLimiter
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.fetch.prefetch import over_byte_budget
from streamroute.core.consume.pool.worker_pool import Entry
from streamroute.core.storage import (
    StreamStorageProtocol,
    blocks,
    claims,
    claims_within,
    cleans_up,
    interrupts_reads,
    promotes,
)
from streamroute.incidents import Incidents
from streamroute.outages import OutageTracker
from streamroute.system.waiting import wait_for_event
from streamroute.values import ClaimResult, Quotas


class EntrySink(Protocol):
    """Where the fetcher puts entries."""

    async def room(self, *, claims: bool) -> int:
        """Wait until there is room; return for how many entries. Claims have separate room."""
        ...

    def take(self, entries: list[Entry]) -> None:
        """Queue entries that were read."""
        ...

    def take_claimed(self, entries: list[Entry]) -> bool:
        """Queue claimed entries ahead of all others; return whether any of them was not held yet."""
        ...

    def quotas(self) -> Quotas:
        """Return how many redelivered entries may be claimed now."""
        ...

    async def wait_for_quota(self, seconds: float) -> None:
        """Wait at most ``seconds`` until more redelivered entries may be claimed."""
        ...

    def exclusive(self) -> AbstractAsyncContextManager[bool | None]:
        """Start no other entries in this process inside the block; yield whether no entry is running.

        Yields None if another entry runs exclusively; then nothing may be claimed for an exclusive run.
        """
        ...

    def last_delivery_quotas(self) -> Quotas:
        """Return quotas that allow claiming only one entry, before its last delivery."""
        ...

    async def run_exclusive(self, entries: list[Entry], *, alone: bool) -> bool:
        """Run entries within ``exclusive()``, which yielded ``alone``; return whether any was new."""
        ...


class Fetcher:
    """Fetches entries into the ``sink`` while it is open."""

    def __init__(
        self,
        storage: StreamStorageProtocol,
        consumer: ConsumerId,
        settings: ConsumerSettings,
        sink: EntrySink,
        incidents: Incidents,
        due: DueTimer,
    ) -> None:
        self._storage = storage
        self._consumer = consumer
        self._settings = settings
        self._tuning = settings.tuning
        self._sink = sink
        self._incidents = incidents
        self._reading, self._claiming = BatchLimiter(), BatchLimiter()
        self._due = due
        self._closing = asyncio.Event()
        self._has_claimed = asyncio.Event()
        self._in_flight: set[asyncio.Task[None] | None] = set()
        self._loops: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Start the loops."""
        self._closing, self._has_claimed = asyncio.Event(), asyncio.Event()
        self._due.open()
        self._loops = [self._loop(self._read, "reading from")]
        if claims(self._storage):
            self._loops.append(self._loop(self._claim, "claiming in"))
        else:
            self._has_claimed.set()
        if promotes(self._storage):
            self._loops.append(self._loop(self._promote, "promoting retries of"))
        if cleans_up(self._storage):
            self._loops.append(self._loop(self._tidy, "tidying"))

    @property
    def is_open(self) -> bool:
        """Whether the loops run."""
        return bool(self._loops)

    async def close(self) -> None:
        """Stop the loops after a read or claim in flight; cancelling it would leave its entries pending.

        A call that takes more than ``read_patience`` seconds is cancelled.
        """
        self._closing.set()
        interrupting = interrupts_reads(self._storage)
        if interrupting is not None:
            interrupting.interrupt_read(*self._consumer)
        waited_for = [loop for loop in self._loops if loop in self._in_flight]
        if waited_for:
            await asyncio.wait(waited_for, timeout=self._tuning.read_patience)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops = []

    @asynccontextmanager
    async def _reply(self) -> AsyncIterator[None]:
        """Mark the current loop as waiting for a reply that may contain delivered entries."""
        loop = asyncio.current_task()
        self._in_flight.add(loop)
        try:
            yield
        finally:
            self._in_flight.discard(loop)

    def _loop(self, step: Callable[[], Awaitable[None]], doing: str) -> asyncio.Task[None]:
        stream, backoff = self._consumer.stream, self._tuning.backoff
        outage = OutageTracker(f"{doing} %s", stream, self._incidents, backoff)
        return asyncio.create_task(self._repeat(step, outage))

    async def _repeat(self, step: Callable[[], Awaitable[None]], outage: OutageTracker) -> None:
        while not self._closing.is_set():
            try:
                if outage.failures:
                    # The failure may have removed the group (FLUSHALL, a new server).
                    await self._storage.create_group(self._consumer.stream, self._consumer.group)
                await step()
            except Exception as error:  # noqa: BLE001 - no error of a storage ends the loop
                await self._pause(outage.record_failure(error))
            else:
                outage.record_success()
                # An in-memory storage or a mock may never suspend: let handlers run.
                await asyncio.sleep(0)

    async def _read(self) -> None:
        if not self._has_claimed.is_set():
            # Released entries precede new ones in the order of the stream.
            await wait_for_event(self._has_claimed, self._tuning.first_claim)
            self._has_claimed.set()
        count = await self._sink.room(claims=False)
        if self._closing.is_set():
            return
        async with self._reply():
            with self._reading.attempt():
                entries = await self._storage.read_events(*self._consumer, self._reading.limit(count))
        if entries:
            self._sink.take(entries)
        elif not blocks(self._storage):
            await self._pause(self._settings.poll_interval)

    async def _claim(self) -> None:
        """Claim the entries of dead consumers, until a claim returns fewer than there is room for."""
        more, claimed = True, ClaimResult([])
        while more and not self._closing.is_set():
            count = self._claiming.limit(await self._sink.room(claims=True))
            if self._closing.is_set():
                return  # entries claimed now would be cut off
            claimed = await self._claim_within(count, self._sink.quotas())
            has_new = self._sink.take_claimed(claimed.entries)
            more = has_new and (len(claimed.entries) >= count or over_byte_budget(claimed.entries))
        self._has_claimed.set()
        if claimed.last_deliveries and await self._has_run_last_delivery():
            return
        if claimed.held_back:
            interval = (
                self._tuning.last_deliveries_every
                if claimed.held_back == claimed.last_deliveries
                else self._settings.claim_interval
            )
            await self._sink.wait_for_quota(min(interval, self._settings.claim_interval))
        else:
            await self._pause(self._settings.claim_interval)

    async def _has_run_last_delivery(self) -> bool:
        """Run an entry on its last delivery, which may kill this process, while nothing else runs.

        It is claimed only when nothing else runs: until then its last delivery is not used up. Afterwards,
        the other entries get as much time as it took.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._sink.exclusive() as alone:
            if alone is None or self._closing.is_set():
                return False
            claimed = await self._claim_within(1, self._sink.last_delivery_quotas())
            if not await self._sink.run_exclusive(claimed.entries, alone=alone):
                return False
        await self._pause(loop.time() - began)
        return True

    async def _claim_within(self, count: int, quotas: Quotas) -> ClaimResult:
        """Claim up to ``count`` entries whose lease has ended."""
        idle, within = self._settings.lease.milliseconds, claims_within(self._storage)
        async with self._reply():
            with self._claiming.attempt():
                if within is not None:
                    return await within.claim_within(*self._consumer, idle, count, quotas)
                return ClaimResult(await self._storage.claim_stale_events(*self._consumer, idle, count))

    async def _promote(self) -> None:
        storage = promotes(self._storage)
        assert storage is not None  # noqa: S101 - this loop runs only where it is one
        wait = await storage.promote_due(self._consumer.stream, self._consumer.group)
        idle = min(self._tuning.promote_idle, self._settings.lease.seconds + self._settings.claim_interval)
        await self._due.sleep(idle if wait is None else min(wait, self._tuning.promote_every))

    async def _tidy(self) -> None:
        storage = cleans_up(self._storage)
        assert storage is not None  # noqa: S101 - this loop runs only where it is one
        await self._pause(await storage.clean_up(*self._consumer))

    async def _pause(self, seconds: float) -> None:
        """Sleep until ``seconds`` have passed or the fetcher closes."""
        await wait_for_event(self._closing, seconds)
