"""The workers of a pool: the task of each, the entry that it runs, and the threads that its last run left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from streamroute.core.consume.pool.key_ordering import Entry
from streamroute.core.thread_call import ThreadCall


class Worker:
    """One worker: its task and the entry that it runs.

    ``dropped``: the result of this run does not count. ``retired``: it asks the pool after
    this run whether it is to end. ``cancelled`` is an
    entry that keeps running after it was cancelled, and since when (monotonic); ``is_stuck``: for too long.
    ``consumer`` is the name under which the entries are pending.
    ``abandoned`` are threads that outlived their run: plain functions that keep running after their timeout.
    """

    __slots__ = ("abandoned", "cancelled", "consumer", "dropped", "entry", "is_stuck", "retired", "task")

    def __init__(self, consumer: str = "") -> None:
        self.consumer = consumer
        self.task: asyncio.Task[None] | None = None
        self.entry: Entry | None = None
        self.dropped = False
        self.retired = False
        self.cancelled: tuple[Entry, float] | None = None
        self.is_stuck = False
        self.abandoned: AbandonedThreads | None = None


class AbandonedThreads(NamedTuple):
    """Threads that have occupied a worker since ``since`` (monotonic), and the entry that started them."""

    entry: Entry
    calls: Sequence[ThreadCall]
    since: float


class Workers(set[Worker]):
    """The workers that were started; all methods but ``tasks`` may be called from any thread."""

    def busy(self) -> list[Worker]:
        """Return the workers that run an entry."""
        return [worker for worker in list(self) if worker.entry is not None]

    def occupied(self) -> list[Worker]:
        """Return the workers that run an entry or wait for abandoned threads."""
        return [worker for worker in list(self) if worker.entry is not None or worker.abandoned is not None]

    def are_idle(self) -> bool:
        """Whether no entry runs, except stuck ones; abandoned threads count: they may kill the process."""
        return all(worker.is_stuck for worker in self.occupied())

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return the running entries by id."""
        return dict(worker.entry for worker in list(self) if worker.entry is not None)

    def payloads(self) -> list[dict[str, Any]]:
        """Return the payloads of running entries, and of those whose threads outlived their run.

        May be called from any thread.
        """
        entries = [worker.entry or ((left := worker.abandoned) and left.entry) for worker in list(self)]
        return [entry[1] for entry in entries if entry is not None]

    def set_retired(self, value: bool) -> None:
        """Let each worker end, or continue, after the entry that it runs."""
        for worker in self:
            worker.retired = value

    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of the workers."""
        return [worker.task for worker in self if worker.task is not None]


def take_back_cancellations(task: asyncio.Task[None] | None) -> None:
    """Undo all cancellations of a task, so that none affects what the task runs next."""
    while task is not None and task.cancelling():
        task.uncancel()
