"""One worker of the pool, and the threads that an ended run has left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from streamroute.core.consume.pool.key_ordering import Entry
from streamroute.core.thread_call import ThreadCall


class Worker:
    """One worker: its task and the entry that it runs.

    ``dropped``: the result of this run does not count. ``retired``: this run is its last. ``cancelled`` is an
    entry that keeps running after it was cancelled, and since when (monotonic); ``is_stuck``: for too long.
    ``left`` are threads that outlived their run: plain functions that keep running after their timeout.
    """

    __slots__ = ("cancelled", "dropped", "entry", "is_stuck", "left", "retired", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.entry: Entry | None = None
        self.dropped = False
        self.retired = False
        self.cancelled: tuple[Entry, float] | None = None
        self.is_stuck = False
        self.left: ThreadsLeft | None = None


class ThreadsLeft(NamedTuple):
    """Threads that have occupied a worker since ``since`` (monotonic), and the entry that started them."""

    entry: Entry
    calls: Sequence[ThreadCall]
    since: float


def take_back_cancellations(task: asyncio.Task[None] | None) -> None:
    """Undo all cancellations of a task, so that none affects what the task runs next."""
    while task is not None and task.cancelling():
        task.uncancel()
