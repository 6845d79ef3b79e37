"""An event loop in a thread of its own, which other threads call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Final, TypeVar

from streamroute.errors import SetupError

T = TypeVar("T")
_NAME: Final = "streamroute-publisher"


class LoopThread:
    """Runs coroutines in its own event loop; ``call`` may be used by any number of threads.

    The thread is a daemon: a program that does not stop it can end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=_NAME, daemon=True)
        self._thread.start()

    def call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the loop, wait for it, and return its result; raises what it raises.

        It runs in the context of the caller (``contextvars``). An exception in the waiting thread, such as
        KeyboardInterrupt, cancels it. Raises SetupError if the loop is stopped before it ends.
        """
        if threading.current_thread() is self._thread:
            raise SetupError("a SyncPublisher cannot be used by code that it calls itself, such as a codec")
        future: Future[T] | None = None
        try:
            future = self._submit(make)
            return future.result()
        except CancelledError:
            raise SetupError("the publisher was closed by another thread; this may have been sent") from None
        except BaseException:
            if future is not None:
                future.cancel()
            raise

    def _submit(self, make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        with self._lock:  # nothing is submitted after the loop has stopped: it would never run
            if self._stopped:
                raise SetupError("the publisher is closed")
            return asyncio.run_coroutine_threadsafe(make(), self._loop)

    def stop(self) -> None:
        """Cancel what runs, and wait for the thread to end; does nothing if it has ended."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(_end_tasks())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()


async def _end_tasks() -> None:
    """Cancel all other tasks of the loop, and wait for them."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
