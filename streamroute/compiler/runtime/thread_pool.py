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


def wait_for_threads(patience: float) -> int:
    """Wait for the threads of both pools, up to ``patience`` seconds; return how many still run."""
    deadline = time.monotonic() + patience
    for thread in _pool_threads():
        thread.join(max(0.0, deadline - time.monotonic()))
    return len(_pool_threads())


def _pool_threads() -> list[threading.Thread]:
    prefixes = (_HANDLER_PREFIX, _VALIDATION_PREFIX)
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefixes)]
