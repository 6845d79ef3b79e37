"""SIGINT and SIGTERM stop an application that was asked to listen to them."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from streamroute.errors import SetupError

log = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SAME_REQUEST: Final = 0.5
"""Seconds after the first signal in which further ones repeat it: wrappers signal a process and its group."""


@contextmanager
def stop_at_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` in the event loop at the first SIGINT or SIGTERM inside the block.

    Half a second later the handlers from before are back, so that a second signal does what it would have
    done without this. Raises SetupError outside the main thread, which gets the signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise SetupError("signals can stop an application in the main thread only")
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}

    def restore() -> None:
        while before:
            number, handler = before.popitem()
            signal.signal(number, handler)

    is_first = True

    def begin() -> None:
        log.info("draining; another signal is not for streamroute")
        stop()
        loop.call_later(_SAME_REQUEST, restore)

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_first
        if is_first:
            is_first = False
            loop.call_soon_threadsafe(begin)

    for number in _SIGNALS:
        before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
