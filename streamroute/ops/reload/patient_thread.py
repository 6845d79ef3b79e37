"""A thread for work that may hang: the caller waits for a limited time, and the event loop never blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, TypeVar

from streamroute.errors import StreamrouteError
from streamroute.logs.exception_text import error_line
from streamroute.system.background import background_thread

T = TypeVar("T")

_STACK: Final = 16 << 20  # bytes; the default of macOS is too small for deeply nested files
_LAST_STEPS: Final = 1.0  # seconds for a thread that has delivered its result to end


class HangingThreadError(StreamrouteError):
    """Raised when the work does not end in time, or the work before it has not ended yet."""


class CrashedThreadError(StreamrouteError):
    """Raised when the work raised an exception; the text is one line about it."""


def _ignore_end() -> None:
    """Default for ``on_late_end``."""


class PatientThread(Generic[T]):
    """Runs one function at a time, each in a new thread, and waits ``patience`` seconds for it.

    A thread cannot be stopped. One that hangs is left alone, does not keep the process from exiting, and no
    further one is started before it ends; then ``on_late_end`` is called in the event loop.
    """

    def __init__(self, name: str, patience: float, on_late_end: Callable[[], None] = _ignore_end) -> None:
        self._name = name
        self._patience = patience
        self._on_late_end = on_late_end
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a function is running, or hanging."""
        return self._thread is not None and self._thread.is_alive()

    async def run(self, function: Callable[[], T]) -> T:
        """Return the function's result. Raises HangingThreadError or CrashedThreadError."""
        if self.is_busy:
            raise HangingThreadError("the one before it has not ended yet")
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()

        def deliver(value: T | None, error: BaseException | None) -> None:
            if result.done():  # the caller has given up
                thread.join(_LAST_STEPS)
                self._on_late_end()
            elif error is not None:
                result.set_exception(CrashedThreadError(error_line(error)))
            else:
                result.set_result(value)  # type: ignore[arg-type]  # there is a value if there is no error

        def work() -> None:
            value, failure = None, None
            try:
                value = function()
            except BaseException as error:  # noqa: BLE001 - user code may raise anything; the caller reports it
                failure = error
            with suppress(RuntimeError):  # the event loop is closed
                loop.call_soon_threadsafe(deliver, value, failure)

        with background_thread():
            self._thread = thread = _start(work, self._name)
            await asyncio.wait([result], timeout=self._patience)
        if not result.done():
            result.cancel()
            raise HangingThreadError(f"it did not end within {self._patience:g} s")
        thread.join(_LAST_STEPS)
        return result.result()


def _start(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    size_before = threading.stack_size(_STACK)
    try:
        thread.start()
    finally:
        threading.stack_size(size_before)
    return thread
