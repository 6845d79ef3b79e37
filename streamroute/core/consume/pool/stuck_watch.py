"""The stuck watch: finds workers whose handler keeps running although it was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from streamroute.core.consume.pool.key_ordering import Entry
from streamroute.core.consume.pool.worker import Worker, Workers


class StuckWatch:
    """Checks the workers while any of them is occupied.

    A worker is stuck when its handler keeps running ``after`` seconds after it was seen cancelled, or when
    threads outlive their run for so long. ``on_stuck`` is then called once with the worker and the entry.
    """

    def __init__(self, workers: Workers, after: float, on_stuck: Callable[[Worker, Entry], None]) -> None:
        self.stuck: set[Worker] = set()
        self.timer: asyncio.TimerHandle | None = None
        """The next check; None while the watch is not running."""
        self._workers = workers
        self._after = after
        self._on_stuck = on_stuck

    def start(self) -> None:
        """Check the workers twice in ``after`` seconds, until none is occupied."""
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(self._after / 2, self._check_all)

    def stop(self) -> None:
        """Check no more until the next ``start()``."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def release(self, worker: Worker) -> bool:
        """Record that the run of a worker has ended; return whether it was stuck."""
        if not worker.is_stuck:
            return False
        worker.is_stuck = False
        self.stuck.discard(worker)
        return True

    def _check_all(self) -> None:
        self.timer = None
        now = monotonic()
        for worker in self._workers.occupied():
            self.check(worker, now)
        if self._workers.occupied():
            self.start()

    def check(self, worker: Worker, now: float) -> None:
        """Check one worker at the time ``now`` (monotonic)."""
        occupant = _abandoned_entry(worker) or _cancelled_entry(worker, now)
        if occupant is None or worker.is_stuck:
            return
        entry, since = occupant
        if now - since >= self._after:
            worker.is_stuck = True
            self.stuck.add(worker)
            self._on_stuck(worker, entry)


def _abandoned_entry(worker: Worker) -> tuple[Entry, float] | None:
    """Return the entry whose threads outlived its run, and since when."""
    return None if worker.abandoned is None else (worker.abandoned.entry, worker.abandoned.since)


def _cancelled_entry(worker: Worker, now: float) -> tuple[Entry, float] | None:
    """Return the running entry if it was cancelled, and since when; a cancellation may have been revoked."""
    entry, task = worker.entry, worker.task
    if entry is None or task is None or not task.cancelling():
        worker.cancelled = None
    elif worker.cancelled is None or worker.cancelled[0] is not entry:
        worker.cancelled = (entry, now)
    return worker.cancelled
