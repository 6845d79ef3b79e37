"""Writes the snapshots of a worker to Redis every two seconds, in the heartbeat thread.

The event loop of the handlers takes no part in it: a worker whose loop is blocked still says what it runs.
Snapshots are only for people who look: if they cannot be written, nothing else changes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from redis.asyncio import Redis

from streamroute.adapters.redis.raw_client import send_each
from streamroute.adapters.redis.replies import milliseconds
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.snapshots.worker_snapshot import WorkerSnapshot
from streamroute.adapters.stream.leases.heartbeat import CallInLoop, ClientOf
from streamroute.keys import GroupKeys
from streamroute.logs.exception_text import error_line

log = logging.getLogger(__name__)

_EVERY: Final = 2.0  # seconds between two snapshots
_SHARE: Final = 100  # seconds between two snapshots for each second of processor time that one takes
_SLOWEST: Final = 10.0  # seconds between two snapshots, however long they take
_IDLE: Final = 30.0  # seconds between two snapshots of a stream on which nothing happens
_PAUSE: Final = 60.0  # seconds until the next attempt after the server refused a snapshot
_CLEAN_EVERY: Final = 60.0  # seconds, or up to twice as many, between two removals of dead workers' snapshots


class SnapshotAddress(NamedTuple):
    """The group and the consumer whose snapshot it is."""

    keys: GroupKeys
    consumer: str


class SnapshotSource(Protocol):
    """Takes the snapshots; called in the heartbeat thread, so it reads only what any thread may read."""

    def take(self, silence: float) -> Mapping[SnapshotAddress, WorkerSnapshot]:
        """Return a snapshot for each stream that is consumed now, without its times (``at``, ``started``).

        The event loop has not responded for ``silence`` seconds. Must not raise.
        """
        ...


@dataclass(slots=True)
class _Written:
    """What was written last for one address, and when the next snapshot is due (monotonic)."""

    last: WorkerSnapshot | None = None
    due: float = 0.0
    next_cleaning: float = math.inf
    refused: str = ""

    def is_due(self, snapshot: WorkerSnapshot, now: float) -> bool:
        if self.refused or self.last is None or now >= self.due:
            return now >= self.due
        return not (_is_idle(snapshot) and snapshot == self.last)


class SnapshotWriter:
    """A target of the heartbeat thread: writes each snapshot of ``source`` as a field of its group's hash.

    Snapshots of thousands of active routes are written less often, as they take at most a hundredth of a
    processor. A stream on which nothing happens is written every half minute. ``every`` and ``clean_every``,
    after which the snapshots of dead workers are removed, are in seconds.
    """

    stall = math.inf  # a worker whose event loop hangs is the one to look at

    def __init__(
        self, source: SnapshotSource, *, every: float = _EVERY, clean_every: float = _CLEAN_EVERY
    ) -> None:
        self.tick = every / 2
        self._source = source
        self._every = every
        self._clean_every = clean_every
        self._due = 0.0
        self._written: dict[SnapshotAddress, _Written] = {}
        self._clock_offset: float | None = None  # Redis time minus monotonic time, in ms
        self._started = time.monotonic()

    def is_due(self, now: float) -> bool:
        """See ``HeartbeatTarget``."""
        return now >= self._due

    async def beat(self, client_of: ClientOf, call: CallInLoop, silence: float) -> None:  # noqa: ARG002 - calls nothing
        """See ``HeartbeatTarget``."""
        started = time.thread_time()
        await self._write_all(client_of, silence)
        pause = min(_SHARE * (time.thread_time() - started), _SLOWEST)
        self._due = time.monotonic() + max(self._every, pause)

    async def _write_all(self, client_of: ClientOf, silence: float) -> None:
        try:
            snapshots = self._source.take(silence)
            if self._clock_offset is None and snapshots:
                await self._learn_clock(client_of, next(iter(snapshots)))
        except Exception as error:  # noqa: BLE001 - nothing depends on a snapshot; the next one may work
            log.debug("could not take the snapshots of this worker: %s", error_line(error))
            return
        gone = [address for address in self._written if address not in snapshots]
        await _settle_all(
            *(self._write(client_of, address, snapshots[address]) for address in snapshots),
            *(self._remove(client_of, address) for address in gone),
        )

    async def leave(self, client_of: ClientOf) -> None:
        """See ``HeartbeatTarget``: removes the snapshots of this worker."""
        await _settle_all(*(self._remove(client_of, address) for address in tuple(self._written)))

    async def _learn_clock(self, client_of: ClientOf, address: SnapshotAddress) -> None:
        (answer,) = await send_each(client_of(address.keys.stream), [("TIME",)])
        if not isinstance(answer, Exception):
            self._note_clock(answer)

    def _note_clock(self, answer: Any) -> None:
        self._clock_offset = milliseconds(answer) - time.monotonic() * 1000

    async def _write(self, client_of: ClientOf, address: SnapshotAddress, snapshot: WorkerSnapshot) -> None:
        written, now = self._written.setdefault(address, _Written()), time.monotonic()
        if not written.is_due(snapshot, now) or self._clock_offset is None:
            return
        client, offset = client_of(address.keys.stream), self._clock_offset
        at, started = int(now * 1000 + offset), max(0, int(self._started * 1000 + offset))
        packed = replace(snapshot, at=at, started=started).pack()
        clock, answer = await send_each(
            client, [("TIME",), ("HSET", address.keys.stats, address.consumer, packed)]
        )
        if not isinstance(clock, Exception):
            self._note_clock(clock)
        self._note_answer(address, written, answer)
        written.last, written.due = snapshot, now + (_PAUSE if written.refused else _IDLE)
        await self._clean(client, address, written, now)

    async def _clean(self, client: Redis, address: SnapshotAddress, written: _Written, now: float) -> None:
        """Remove the snapshots of dead workers from time to time, at first after a while."""
        is_due = now >= written.next_cleaning
        if is_due or math.isinf(written.next_cleaning):
            written.next_cleaning = now + self._clean_every * random.uniform(1, 2)  # noqa: S311 - spreads the load
        if is_due and not written.refused:
            await _remove_dead(client, address)

    def _note_answer(self, address: SnapshotAddress, written: _Written, answer: Any) -> None:
        """Log, once, that the server refuses the snapshots of a stream."""
        refused = error_line(answer) if isinstance(answer, Exception) else ""
        if refused and not written.refused:
            template = "`streamroute status` does not show what this worker does on %s: %s is refused: %s"
            log.warning(template, address.keys.stream, address.keys.stats, refused)
        written.refused = refused

    async def _remove(self, client_of: ClientOf, address: SnapshotAddress) -> None:
        client = client_of(address.keys.stream)
        await send_each(client, [("HDEL", address.keys.stats, address.consumer)])
        self._written.pop(address, None)


async def _settle_all(*steps: Awaitable[None]) -> None:
    """Run steps concurrently; a failure is no more than a debug line, as the lease keepers log an outage."""
    for error in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(error, Exception):
            log.debug("could not write the snapshots of this worker: %s", error_line(error))


def _is_idle(snapshot: WorkerSnapshot) -> bool:
    return not snapshot.running_count and not snapshot.routes and not snapshot.silence


async def _remove_dead(client: Redis, address: SnapshotAddress) -> None:
    """Remove the snapshots of other workers that are dead; does nothing if the server refuses."""
    keys = address.keys
    calls: Sequence[Any] = [([keys.workers, keys.stats], [address.consumer])]
    answers: Iterable[Any] = await script("snapshots/remove_dead").run_each(client, calls)
    for answer in answers:
        if isinstance(answer, Exception):
            log.debug("could not remove old snapshots from %s: %s", keys.stats, error_line(answer))
