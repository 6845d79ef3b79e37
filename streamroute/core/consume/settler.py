"""Settler: acknowledge finished entries in the background, many in one call.

An entry waits for at most ``delay`` seconds or until ``batch`` entries are finished; the streams of an event
loop are settled together. An entry stays held (leased and counted against the limits) until the storage has
answered. A failed call is repeated with half as many
entries, until the entry that makes calls fail is isolated and settled separately.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, cast

from streamroute.core.consume.flush_timer import FlushTimer, flush_timer_of_loop
from streamroute.core.consume.tuning import TUNING, Tuning
from streamroute.core.storage import StreamStorageProtocol, acks_many, settles
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.message import Message
from streamroute.outages import OutageTracker, one_line
from streamroute.values import SettleResult

log = logging.getLogger(__name__)

Write = Callable[[Mapping[str, dict[str, Any]]], Awaitable[SettleResult]]
"""Writes finished entries to the storage."""


class Settler:
    """Collects finished entries and settles them in batches, in the order in which they finished.

    An entry that fails alone while others succeed is retried later, and delays no other.

    ``release`` is called with the entries that are no longer held, ``lost`` with the ids of those that
    another consumer has claimed. Reading stops while ``max_unsettled`` finished entries wait.
    """

    def __init__(
        self,
        write: Write,
        *,
        stream: str,
        release: Callable[[Mapping[str, dict[str, Any]]], None],
        lost: Callable[[Iterable[str]], None],
        delay: float,
        batch: int = 500,
        incidents: Incidents = LOG_ONLY,
        tuning: Tuning = TUNING,
    ) -> None:
        self._write = write
        self._release = release
        self._lost = lost
        self._delay = delay
        self._batch = batch
        self._max_unsettled = tuning.max_unsettled
        self._batch_limit = batch
        self._isolated: dict[str, int] = {}
        self._successes = 0
        self._finished: dict[str, dict[str, Any]] = {}
        self._refused = 0
        self._writing = 0
        self._flush_requested = asyncio.Event()
        self._progress = asyncio.Event()
        self._timer: FlushTimer | None = None
        self._is_timed = False
        doing = "settling entries of %s"
        self._outage = OutageTracker(doing, stream, incidents, tuning.backoff)
        refusing = f"{doing} (refused by the storage)"
        self._refusals = OutageTracker(refusing, stream, incidents, tuning.backoff)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Start settling in the background."""
        self._flush_requested, self._progress = asyncio.Event(), asyncio.Event()
        self._timer, self._is_timed = flush_timer_of_loop(self._delay), False
        if self._finished:  # while it was closed
            self._flush_requested.set()
        self._task = asyncio.create_task(self._run())

    def add(self, entry_id: str, payload: dict[str, Any]) -> None:
        """Add an entry whose handler has finished."""
        self._finished[entry_id] = payload
        if len(self._finished) == self._batch:
            self._flush_requested.set()
        elif not self._is_timed and self._timer is not None:
            self._is_timed = True
            self._timer.add(self._flush_requested)

    async def room(self) -> None:
        """Wait while too many entries are unsettled: the storage is unreachable or refuses outcomes."""
        while self._unsettled >= self._max_unsettled:
            await self._next_progress()

    async def flush(self, patience: float) -> None:
        """Settle finished entries now, for at most ``patience`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._finished or self._writing:
                    self._flush_requested.set()
                    await self._next_progress()

    async def close(self, patience: float) -> None:
        """Settle what is left, for at most ``patience`` seconds; the rest stays pending in the group."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            async with asyncio.timeout(patience):
                while self._unsettled:
                    self._flush_requested.set()
                    await self._next_progress()
        except TimeoutError:
            log.error(
                "%d finished entries could not be settled; they stay pending and run again", self._unsettled
            )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._stop_timer()
        self._timer = None  # no task waits for it until the next open()

    @property
    def _unsettled(self) -> int:
        return len(self._finished) + self._writing + self._refused

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def _run(self) -> None:
        while True:
            await self._flush_requested.wait()
            self._flush_requested.clear()
            self._stop_timer()
            while self._finished:
                pause: float | None = None
                try:
                    pause = await self._settle(self._next_batch())
                except Exception:
                    # Raised by an observer, which must not raise: without this loop, no entry would be acked.
                    log.exception("observer raised an exception; settling continues")
                if pause is not None:
                    await asyncio.sleep(pause)
                if self._is_timed and len(self._finished) < self._batch_limit:
                    break  # these finished meanwhile, and wait until their delay ends or their batch is full

    def _stop_timer(self) -> None:
        if self._is_timed and self._timer is not None:
            self._timer.discard(self._flush_requested)
        self._is_timed = False

    def _next_batch(self) -> dict[str, dict[str, Any]]:
        """Remove and return the entries that finished first; isolated ones come last, one at a time."""
        finished, self._finished = self._finished, {}
        if len(finished) <= self._batch_limit and not self._isolated:
            return finished
        ordinary = (entry_id for entry_id in finished if entry_id not in self._isolated)
        chosen = list(islice(ordinary, self._batch_limit)) or [next(iter(finished))]
        self._finished = finished
        return {entry_id: finished.pop(entry_id) for entry_id in chosen}

    async def _settle(self, batch: dict[str, dict[str, Any]]) -> float | None:
        """Write one batch; return the seconds to wait before the next, or None."""
        self._writing = len(batch)
        try:
            result = await self._write(batch)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises, the entries are kept
            return self._failed(batch, error)
        finally:
            self._writing = 0
        self._outage.record_success()
        self._successes += 1
        if self._batch_limit < self._batch or self._isolated:
            self._recover(batch)
        if result.refused:
            self._quarantine({entry_id: batch.pop(entry_id) for entry_id in result.refused}, result.refused)
        elif not self._refused and not self._isolated:
            self._refusals.record_success()
        try:
            if result.lost:
                self._lost(result.lost)
        finally:  # release the entries even if the callback raises
            self._release(batch)
            self._progress.set()
        return None

    def _failed(self, batch: dict[str, dict[str, Any]], error: Exception) -> float | None:
        """Put the entries back for smaller batches; isolate one that failed alone."""
        self._batch_limit = (len(batch) + 1) // 2
        if len(batch) > 1:
            self._finished = batch | self._finished
        else:
            (entry_id,) = batch
            last_failure = self._isolated.get(entry_id, self._successes)
            self._isolated[entry_id] = self._successes
            if last_failure < self._successes:  # others were settled meanwhile: the storage is reachable
                self._quarantine(batch, {entry_id: one_line(error)})
                return None
            self._put_back(batch)
        return self._outage.record_failure(error)

    def _recover(self, settled: Mapping[str, dict[str, Any]]) -> None:
        self._batch_limit = min(2 * self._batch_limit, self._batch)
        for entry_id in self._isolated.keys() & settled:
            del self._isolated[entry_id]

    def _quarantine(self, refused: dict[str, dict[str, Any]], reasons: Mapping[str, str]) -> None:
        """Keep entries that cannot be settled while others can; they stay held and are retried later."""
        wait = self._refusals.record_failure(next(iter(reasons.values())))
        self._refused += len(refused)
        asyncio.get_running_loop().call_later(wait, self._requeue, refused)

    def _requeue(self, refused: dict[str, dict[str, Any]]) -> None:
        self._refused -= len(refused)
        self._put_back(refused)
        self._flush_requested.set()

    def _put_back(self, entries: Mapping[str, dict[str, Any]]) -> None:
        """Requeue entries, except those of which a newer delivery has finished meanwhile."""
        for entry_id, payload in entries.items():
            self._finished.setdefault(entry_id, payload)


def writer_for(storage: StreamStorageProtocol, stream: str, group: str, consumer: str) -> Write:
    """Return the best writer that the storage supports: settle, ack many, or ack one by one."""
    settling, acking = settles(storage), acks_many(storage)

    async def ack(entry_ids: Sequence[str]) -> None:
        if acking is not None:
            await acking.ack_events(stream, group, entry_ids)
        else:
            for entry_id in entry_ids:
                await storage.ack_event(stream, group, entry_id)

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        messages = _messages(finished) if settling is not None else {}
        if len(messages) < len(finished):
            await ack([entry_id for entry_id in finished if entry_id not in messages])
        if settling is None or not messages:
            return SettleResult()
        return await settling.settle(stream, group, consumer, messages)

    return write


def _messages(finished: Mapping[str, dict[str, Any]]) -> Mapping[str, Message]:
    if set(map(type, finished.values())) == {Message}:
        return cast("Mapping[str, Message]", finished)
    return {entry_id: payload for entry_id, payload in finished.items() if isinstance(payload, Message)}
