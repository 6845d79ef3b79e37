"""Intake: where entries come from - claims first, then what the stream has not delivered yet.

Three loops, each of which survives any error of the storage: it waits, makes sure that the group is
there, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from streamroute.core.backoff import Outage
from streamroute.core.slots import Entry
from streamroute.core.storage import StreamStorageProtocol, blocks, claims, promotes

_PROMOTE_EVERY: Final = 1.0  # seconds; a retry may come due that another worker has scheduled
_READ_PATIENCE: Final = 5.0  # seconds that a read in flight is waited for when stopping


@dataclass(frozen=True, slots=True)
class Source:
    """Whose entries: a stream, its consumer group, and this consumer."""

    stream: str
    group: str
    consumer: str


class Intake:
    """Brings entries in for as long as it is open.

    ``take(entries, claimed)`` is given what was read or claimed; ``room(claims)`` waits until there is
    room and returns for how many entries.
    """

    def __init__(
        self,
        storage: StreamStorageProtocol,
        source: Source,
        *,
        take: Callable[[list[Entry], bool], None],
        room: Callable[[bool], Awaitable[int]],
        poll_interval: float,
        lease: float,
        claim_interval: float,
    ) -> None:
        self._storage = storage
        self._source = source
        self._take = take
        self._room = room
        self._poll_interval = poll_interval
        self._lease = lease
        self._claim_interval = claim_interval
        self._closing = asyncio.Event()
        self._sooner = asyncio.Event()
        self._reading = False
        self._reader: asyncio.Task[None] | None = None
        self._others: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Start the loops."""
        self._closing.clear()
        self._reader = self._loop(self._read, "reading from")
        self._others = []
        if claims(self._storage):
            self._others.append(self._loop(self._claim, "claiming in"))
        if promotes(self._storage):
            self._others.append(self._loop(self._promote, "promoting retries of"))

    def expect_retry(self, delay: float) -> None:
        """A retry was scheduled here that comes due in ``delay`` seconds: do not sleep past it."""
        if delay < _PROMOTE_EVERY:
            asyncio.get_running_loop().call_later(delay, self._sooner.set)

    async def close(self) -> None:
        """Stop the loops; a read in flight is let finish, since its entries would be pending and unseen.

        Only a storage that goes on blocking for five seconds has its read cancelled.
        """
        self._closing.set()
        if self._reader is not None and self._reading:
            await asyncio.wait([self._reader], timeout=_READ_PATIENCE)
        tasks = [task for task in (self._reader, *self._others) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._reader, self._others = None, []

    def _loop(self, step: Callable[[], Awaitable[None]], doing: str) -> asyncio.Task[None]:
        return asyncio.create_task(self._repeat(step, Outage(f"{doing} {self._source.stream}")))

    async def _repeat(self, step: Callable[[], Awaitable[None]], outage: Outage) -> None:
        while not self._closing.is_set():
            try:
                if outage.failures:
                    # The group may have gone with whatever failed (FLUSHALL, a new server).
                    await self._storage.create_group(self._source.stream, self._source.group)
                await step()
            except Exception as error:  # noqa: BLE001 - no error of a storage ends the loop
                await self._pause(outage.failed(error))
            else:
                outage.worked()

    async def _read(self) -> None:
        count = await self._room(False)
        if self._closing.is_set():
            return
        self._reading = True
        try:
            entries = await self._storage.read_events(
                self._source.stream, self._source.group, self._source.consumer, count
            )
        finally:
            self._reading = False
        if entries:
            self._take(entries, False)
        elif not blocks(self._storage):
            await self._pause(self._poll_interval)

    async def _claim(self) -> None:
        """Take over what dead consumers hold, until a claim finds less than it has room for."""
        while not self._closing.is_set():
            count = await self._room(True)
            idle = int(self._lease * 1000)
            entries = await self._storage.claim_stale_events(
                self._source.stream, self._source.group, self._source.consumer, idle, count
            )
            self._take(entries, True)
            if len(entries) < count:
                break
        await self._pause(self._claim_interval)

    async def _promote(self) -> None:
        storage = promotes(self._storage)
        assert storage is not None  # noqa: S101 - this loop runs only where it is one
        wait = await storage.promote_due(self._source.stream, self._source.group)
        await _wait(self._sooner, _PROMOTE_EVERY if wait is None else min(wait, _PROMOTE_EVERY))
        self._sooner.clear()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past the closing."""
        await _wait(self._closing, seconds)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
