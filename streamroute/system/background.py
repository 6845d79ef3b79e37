"""Long computations in a thread beside the event loop: the loop's pauses stay short.

A thread that computes gives way after Python's switch interval, 5 ms, each time that the event loop wants to
go on, which it does several times for each message. And all threads stand still while Python searches objects
for cycles: a tenth of a second for those of ten thousand routes.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SWITCH_INTERVAL: Final = 0.0005  # seconds
_NEVER: Final = 1_000_000


class _Background:
    """The computations that are running; the settings of the process are those from before the first one."""

    def __init__(self) -> None:
        self._count = 0
        self._interval = 0.0
        self._thresholds = (0, 0, 0)

    def begin(self) -> None:
        if not self._count:
            self._interval, self._thresholds = sys.getswitchinterval(), gc.get_threshold()
            sys.setswitchinterval(min(self._interval, _SWITCH_INTERVAL))
            gc.set_threshold(self._thresholds[0], _NEVER, _NEVER)  # new objects are searched, and no others
        self._count += 1

    def end(self) -> None:
        self._count -= 1
        if not self._count:
            sys.setswitchinterval(self._interval)
            gc.set_threshold(*self._thresholds)


_BACKGROUND: Final = _Background()


@contextmanager
def background_thread() -> Iterator[None]:
    """Keep the event loop responsive while a thread computes; used in the thread of the event loop only."""
    _BACKGROUND.begin()
    try:
        yield
    finally:
        _BACKGROUND.end()
