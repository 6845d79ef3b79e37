"""A clock that passes slowly, for a process that valgrind makes slow.

Timers, timeouts and the budget of an iteration of the event loop then allow as much work as they do at full
speed. Only what asks ``time.monotonic`` and the event loop is slow; the server's clock is not.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from asyncio import TimerHandle
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple

Words = TypeVarTuple("Words")


def slow_down(by: float) -> None:
    """Make ``time.monotonic`` pass slowly, for modules that are imported later."""
    actual = time.monotonic
    time.monotonic = lambda: actual() / by


def slow_loop(by: float, fast: bool) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return a factory of event loops whose timers are as slow as the clock of ``slow_down``."""
    return (lambda: _slow_uvloop(by)) if fast else (lambda: asyncio.SelectorEventLoop(_SlowSelector(by)))


class _SlowSelector(selectors.DefaultSelector):
    """Waits as long as the loop's clock takes; the loop itself asks ``time.monotonic``."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self._by = by

    def select(self, timeout: float | None = None) -> Any:
        return super().select(None if timeout is None else timeout * self._by)


def _slow_uvloop(by: float) -> asyncio.AbstractEventLoop:
    import uvloop

    class SlowUvloop(uvloop.Loop):
        """uvloop has its own clock: its times are divided, and its delays multiplied."""

        def time(self) -> float:
            return super().time() / by

        def call_later(
            self,
            delay: float,
            callback: Callable[[*Words], object],
            *words: *Words,
            context: Context | None = None,
        ) -> TimerHandle:
            return super().call_later(delay * by, callback, *words, context=context)

        def call_at(
            self,
            when: float,
            callback: Callable[[*Words], object],
            *words: *Words,
            context: Context | None = None,
        ) -> TimerHandle:
            return self.call_later(when - self.time(), callback, *words, context=context)

    return SlowUvloop()
