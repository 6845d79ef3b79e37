"""Threads for handlers that are plain functions: as many as there are concurrency."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from streamroute.system.forked import ExitForkedChild

P = ParamSpec("P")
T = TypeVar("T")

_THREAD_PREFIX: Final = "streamroute-handler"
_MAX_THREADS: Final = 256
_SPARE_THREADS: Final = 64  # threads beyond those of the concurrency, started only when they are needed


@contextmanager
def handler_threads(concurrency: int) -> Iterator[None]:
    """Make the loop's default executor as large as ``concurrency`` (at most 256 threads), for a while.

    A function that runs on past its timeout keeps its thread and its slot. Some threads are spare: the loop's
    own work (host names are looked up in threads) goes on whatever handlers do.
    On leaving, running threads are not waited for: a function that never returns cannot be stopped, and
    its message is pending, to be run again.
    """
    loop = asyncio.get_running_loop()
    executor = _HandlerThreadPool(
        min(max(concurrency, 1), _MAX_THREADS) + _SPARE_THREADS, thread_name_prefix=_THREAD_PREFIX
    )
    loop.set_default_executor(executor)
    try:
        yield
    finally:
        # The loop waits for its default executor when it closes; it is given an idle one to wait for.
        loop.set_default_executor(ThreadPoolExecutor(1))
        executor.shutdown(wait=False, cancel_futures=True)


class _HandlerThreadPool(ThreadPoolExecutor):
    """Threads in which a child that their function forks ends: it would wait in them for ever, alone."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def call() -> T:
            with ExitForkedChild():
                return function(*args, **kwargs)

        return super().submit(call)


def wait_for_threads(patience: float) -> int:
    """How many handler threads are still running after ``patience`` seconds; the interpreter would wait."""
    deadline = time.monotonic() + patience
    for thread in _handler_threads():
        thread.join(max(0.0, deadline - time.monotonic()))
    return len(_handler_threads())


def _handler_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(_THREAD_PREFIX)]
