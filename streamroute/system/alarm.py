"""An alarm: interrupts Python code of the main thread that runs for too long, blocking code included."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SOON: Final = 0.001  # seconds: zero would cancel a timer


@contextmanager
def alarm(seconds: float, interrupt: Callable[[], None], *, repeat: float = 0.0) -> Iterator[None]:
    """Call ``interrupt`` in the middle of the block after ``seconds``, then every ``repeat`` seconds.

    What it raises is raised in the block. Does nothing outside the main thread, which alone receives signals,
    and on a system without this timer. A timer of the caller is resumed at the end.

    Source: https://man7.org/linux/man-pages/man2/setitimer.2.html
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    is_inside = True

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        if is_inside:
            interrupt()

    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, on_signal)
    running, again = signal.setitimer(signal.ITIMER_REAL, seconds, repeat)
    try:
        yield
    finally:
        is_inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if running:
            remaining = running - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(_SOON, remaining), again)
