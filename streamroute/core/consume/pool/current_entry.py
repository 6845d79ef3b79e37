"""Which worker runs the code that asks: found by its task or thread, so that running an entry costs nothing.

A task that a handler starts is not found: it may outlive the entry.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final
from weakref import WeakKeyDictionary

from streamroute.core.consume.pool.worker import Worker
from streamroute.core.thread_call import TASK_OF_THREAD

_WORKERS: Final[WeakKeyDictionary[asyncio.Task[Any], Worker]] = WeakKeyDictionary()


def register(worker: Worker) -> None:
    """Find this worker by its task, which was started."""
    if worker.task is not None:
        _WORKERS[worker.task] = worker


def worker_of(task: asyncio.Task[Any] | None) -> Worker | None:
    """Return the worker of a task; may be called from any thread."""
    return None if task is None else _WORKERS.get(task)


def current_worker() -> Worker | None:
    """Return the worker whose task runs this code, or whose handler runs in this thread."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop in this thread
        task = TASK_OF_THREAD.get(threading.get_ident())
    return worker_of(task)
