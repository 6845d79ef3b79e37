"""Fetcher: claims what other consumers left, then reads what the stream has not delivered yet.

Beside that it promotes due retries and cleans up. Each task has a loop of its own, which survives any error
of the storage: it waits, makes sure that the group exists, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from streamroute.core.consume.batch_limiter import BatchLimiter
from streamroute.core.consume.consumer import ConsumerId
from streamroute.core.consume.due_timer import DueTimer
from streamroute.core.consume.prefetch import over_byte_budget
from streamroute.core.consume.worker_pool import Entry
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

_PROMOTE_EVERY: Final = 5.0  # seconds, where retries wait; a worker may have died that had scheduled another
_PROMOTE_IDLE: Final = 15.0  # seconds, where none waits; at most what a dead worker's entries wait for
_FIRST_CLAIM: Final = 1.0  # seconds that what was left behind is claimed before anything new is read
_LAST_DELIVERIES_EVERY: Final = 1.0  # seconds between looks at entries before their last delivery
_READ_PATIENCE: Final = 5.0  # seconds that a read in flight is waited for when stopping


class EntrySink(Protocol):
    """Where entries go."""

    async def room(self, *, claims: bool) -> int:
        """Wait until there is room; returns for how many entries. Claims have room of their own."""
        ...

    def take(self, entries: list[Entry]) -> None:
        """These were read."""
        ...

    def take_claimed(self, entries: list[Entry]) -> bool:
        """Queue what was claimed before everything else; return whether any of it was not held yet."""
        ...

    def quotas(self) -> Quotas:
        """How many of the entries that were delivered before may be claimed now."""
        ...

    async def wait_for_quota(self, seconds: float) -> None:
        """Wait until more of them may be claimed, for ``seconds`` at most."""
        ...

    def exclusive(self) -> AbstractAsyncContextManager[bool | None]:
        """Start nothing new in this process within; gives whether nothing runs any more.

        None: another entry runs exclusively, and nothing may be claimed for that.
        """
        ...

    def last_delivery_quotas(self) -> Quotas:
        """Quotas for a claim of one entry before its last delivery, and of nothing else."""
        ...

    async def run_exclusive(self, entries: list[Entry], *, alone: bool) -> bool:
        """Run these within ``exclusive()``, which gave ``alone``; return whether there was one."""
        ...


class Fetcher:
    """Brings entries into the ``sink`` for as long as it is open."""

    def __init__(
        self,
        storage: StreamStorageProtocol,
        consumer: ConsumerId,
        sink: EntrySink,
        incidents: Incidents,
        *,
        poll_interval: float,
        lease: float,
        claim_interval: float,
        due: DueTimer,
    ) -> None:
        self._storage = storage
        self._consumer = consumer
        self._sink = sink
        self._incidents = incidents
        self._poll_interval = poll_interval
        self._lease = lease
        self._claim_interval = claim_interval
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

    async def close(self) -> None:
        """Stop the loops; a read or claim in flight is let finish: its entries would be pending unseen.

        Only a storage that goes on blocking for five seconds has its call cancelled.
        """
        self._closing.set()
        interrupting = interrupts_reads(self._storage)
        if interrupting is not None:
            interrupting.interrupt_read(*self._consumer)
        waited_for = [loop for loop in self._loops if loop in self._in_flight]
        if waited_for:
            await asyncio.wait(waited_for, timeout=_READ_PATIENCE)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops = []

    @asynccontextmanager
    async def _reply(self) -> AsyncIterator[None]:
        """Mark the running loop as one that waits for entries which the server may have handed out."""
        loop = asyncio.current_task()
        self._in_flight.add(loop)
        try:
            yield
        finally:
            self._in_flight.discard(loop)

    def _loop(self, step: Callable[[], Awaitable[None]], doing: str) -> asyncio.Task[None]:
        stream = self._consumer.stream
        return asyncio.create_task(self._repeat(step, OutageTracker(f"{doing} %s", stream, self._incidents)))

    async def _repeat(self, step: Callable[[], Awaitable[None]], outage: OutageTracker) -> None:
        while not self._closing.is_set():
            try:
                if outage.failures:
                    # The group may have gone with whatever failed (FLUSHALL, a new server).
                    await self._storage.create_group(self._consumer.stream, self._consumer.group)
                await step()
            except Exception as error:  # noqa: BLE001 - no error of a storage ends the loop
                await self._pause(outage.record_failure(error))
            else:
                outage.record_success()
                # A storage in memory, or a mock, may answer without waiting: the handlers' turn comes too.
                await asyncio.sleep(0)

    async def _read(self) -> None:
        if not self._has_claimed.is_set():
            # What was released is older than what is new: in the order of the stream it comes first.
            await wait_for_event(self._has_claimed, _FIRST_CLAIM)
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
            await self._pause(self._poll_interval)

    async def _claim(self) -> None:
        """Take over what dead consumers hold, until a claim finds less than it has room for."""
        more, claimed = True, ClaimResult([])
        while more and not self._closing.is_set():
            count = self._claiming.limit(await self._sink.room(claims=True))
            if self._closing.is_set():
                return  # what was claimed now would be cut off with its reply
            claimed = await self._claim_within(count, self._sink.quotas())
            has_new = self._sink.take_claimed(claimed.entries)
            more = has_new and (len(claimed.entries) >= count or over_byte_budget(claimed.entries))
        self._has_claimed.set()
        if claimed.last_deliveries and await self._has_run_last_delivery():
            return
        if claimed.held_back:
            interval = (
                _LAST_DELIVERIES_EVERY
                if claimed.held_back == claimed.last_deliveries
                else self._claim_interval
            )
            await self._sink.wait_for_quota(min(interval, self._claim_interval))
        else:
            await self._pause(self._claim_interval)

    async def _has_run_last_delivery(self) -> bool:
        """Run an entry on its last delivery, which may kill this process, with nothing beside it.

        It is claimed only when nothing else runs: until then no consumer has it, and its last delivery is
        not spent. Afterwards everything that waited for it gets as long for itself.
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
        """Take over up to ``count`` entries whose lease has ended."""
        idle, within = int(self._lease * 1000), claims_within(self._storage)
        async with self._reply():
            with self._claiming.attempt():
                if within is not None:
                    return await within.claim_within(*self._consumer, idle, count, quotas)
                return ClaimResult(await self._storage.claim_stale_events(*self._consumer, idle, count))

    async def _promote(self) -> None:
        storage = promotes(self._storage)
        assert storage is not None  # noqa: S101 - this loop runs only where it is one
        wait = await storage.promote_due(self._consumer.stream, self._consumer.group)
        idle = min(_PROMOTE_IDLE, self._lease + self._claim_interval)
        await self._due.sleep(idle if wait is None else min(wait, _PROMOTE_EVERY))

    async def _tidy(self) -> None:
        storage = cleans_up(self._storage)
        assert storage is not None  # noqa: S101 - this loop runs only where it is one
        await self._pause(await storage.clean_up(*self._consumer))

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past the closing."""
        await wait_for_event(self._closing, seconds)
