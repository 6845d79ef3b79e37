"""Thread pools: one thread for each sync handler that may run at once, and a few threads for validation."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Final, ParamSpec, TypeVar

from streamroute.core.thread_call import EXECUTORS
from streamroute.system.forked import ExitForkedChild

P = ParamSpec("P")
T = TypeVar("T")

_HANDLER_PREFIX: Final = "streamroute-handler"
_VALIDATION_PREFIX: Final = "streamroute-validation"
_MAX_THREADS: Final = 256
_SPARE_THREADS: Final = 64  # for the loop's own work, started only if needed
_VALIDATION_THREADS: Final = 8  # a stream with slow validation does not delay the others; each slows the loop


@contextmanager
def handler_threads(concurrency: int) -> Iterator[Callable[[int], None]]:
    """Give the loop a default executor of ``concurrency`` threads (at most 256) within this context.

    Yields a function that sets another ``concurrency``: threads beyond it stay until the end.

    A function that runs past its timeout keeps its thread. Spare threads keep handlers from blocking the
    loop's own work (host name lookups). At the end running threads are not awaited: a function that never
    returns cannot be stopped, and its message stays pending and is redelivered.
    """
    loop = asyncio.get_running_loop()
    executor = _UserCodeThreadPool(_threads(concurrency), thread_name_prefix=_HANDLER_PREFIX)
    loop.set_default_executor(executor)
    try:
        yield lambda concurrency: executor.resize(_threads(concurrency))
    finally:
        # Closing the loop waits for its default executor: give it an idle one.
        loop.set_default_executor(ThreadPoolExecutor(1))
        executor.shutdown(wait=False, cancel_futures=True)
        _end_validation_threads()


@contextmanager
def guest_handler_threads(concurrency: int) -> Iterator[Callable[[int], None]]:
    """Run the sync handlers of the running loop in threads of their own within this context.

    For a loop that belongs to somebody else: its default executor stays as it is. Apps in one loop share the
    threads, of which there are as many as all of them need. The rest is as for ``handler_threads``.
    """
    loop = asyncio.get_running_loop()
    pool = EXECUTORS.get(loop)
    if not isinstance(pool, _SharedThreadPool):
        pool = EXECUTORS[loop] = _SharedThreadPool(_threads(concurrency), thread_name_prefix=_HANDLER_PREFIX)
    share = object()
    pool.set_share(share, concurrency)
    try:
        yield lambda concurrency: pool.set_share(share, concurrency)
    finally:
        if pool.drop_share(share):
            del EXECUTORS[loop]
            pool.shutdown(wait=False, cancel_futures=True)
            if not EXECUTORS:
                _end_validation_threads()


def _end_validation_threads() -> None:
    """Let the threads of validation end when their work is done; the next validation starts new ones."""
    if validation_threads.cache_info().currsize:
        validation_threads().shutdown(wait=False)
        validation_threads.cache_clear()


def _threads(concurrency: int) -> int:
    return min(max(concurrency, 1), _MAX_THREADS) + _SPARE_THREADS


@cache
def validation_threads() -> ThreadPoolExecutor:
    """Return the process's threads for validation, apart from those of handlers, which may all be busy."""
    return _UserCodeThreadPool(_VALIDATION_THREADS, thread_name_prefix=_VALIDATION_PREFIX)


class _UserCodeThreadPool(ThreadPoolExecutor):
    """A pool that ends child processes forked by user code, which would wait in its thread forever."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def call() -> T:
            with ExitForkedChild():
                return function(*args, **kwargs)

        return super().submit(call)

    def resize(self, threads: int) -> None:
        """Start at most so many threads from now on."""
        self._max_workers = threads


class _SharedThreadPool(_UserCodeThreadPool):
    """A pool that several apps of one event loop use."""

    def __init__(self, threads: int, *, thread_name_prefix: str) -> None:
        super().__init__(threads, thread_name_prefix=thread_name_prefix)
        self._shares: dict[object, int] = {}

    def set_share(self, share: object, concurrency: int) -> None:
        """Let an app run so many handlers at once."""
        self._shares[share] = concurrency
        self.resize(_threads(sum(self._shares.values())))

    def drop_share(self, share: object) -> bool:
        """Remove an app; return whether it was the last one."""
        del self._shares[share]
        return not self._shares


def wait_for_threads(patience: float) -> int:
    """Wait for the threads of both pools, up to ``patience`` seconds; return how many still run."""
    deadline = time.monotonic() + patience
    for thread in _pool_threads():
        thread.join(max(0.0, deadline - time.monotonic()))
    return len(_pool_threads())


def _pool_threads() -> list[threading.Thread]:
    prefixes = (_HANDLER_PREFIX, _VALIDATION_PREFIX)
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefixes)]
