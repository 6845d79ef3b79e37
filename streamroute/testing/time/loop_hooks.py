"""Hooks of an event loop: code in the context of a virtual clock is given that clock's time.

The hooks replace methods of one running loop. Code outside such a context, as the test itself, is not
affected: it has real time.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, Final
from weakref import WeakKeyDictionary

from streamroute.compiler.runtime.timeouts import Deadlines
from streamroute.testing.time.virtual_clock import CURRENT_CLOCK, VirtualClock

_HOOKED: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, int]] = WeakKeyDictionary()
_METHODS: Final = ("time", "call_soon", "call_at", "call_later", "run_in_executor")


@contextmanager
def hooked(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Hook the loop inside the block; blocks may overlap."""
    count = _HOOKED.get(loop, 0)
    _HOOKED[loop] = count + 1
    if not count:
        _hook(loop)
    Deadlines.of_context = staticmethod(_deadlines)
    try:
        yield
    finally:
        _HOOKED[loop] -= 1
        if not _HOOKED[loop]:
            del _HOOKED[loop]
            for name in _METHODS:
                vars(loop).pop(name, None)
        if not _HOOKED:
            Deadlines.of_context = None


def _hook(loop: asyncio.AbstractEventLoop) -> None:
    """Replace the methods on this loop, beside those of its class."""
    real_time, real_soon, real_at, real_executor = (
        loop.time,
        loop.call_soon,
        loop.call_at,
        loop.run_in_executor,
    )

    def time() -> float:
        clock = _clock(loop)
        return real_time() if clock is None else clock.now

    def call_soon(
        callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        clock = _clock(loop, context)
        if clock is None:
            return real_soon(callback, *args, context=context)
        number = clock.number()
        handle = real_soon(clock.run, number, callback, args, context=context)
        clock.expect(number, handle)
        return handle

    def call_at(
        when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        clock = _clock(loop)
        if clock is None:
            return real_at(when, callback, *args, context=context)
        return clock.call_at(when, callback, args, context or contextvars.copy_context())

    def call_later(
        delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return call_at(time() + delay, callback, *args, context=context)

    def run_in_executor(executor: Any, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        call: asyncio.Future[Any] = real_executor(executor, function, *args)
        clock = _clock(loop)
        if clock is not None:
            clock.watch_thread(call)
        return call

    for hook in (time, call_soon, call_at, call_later, run_in_executor):
        setattr(loop, hook.__name__, hook)


def _deadlines() -> Deadlines | None:
    """Return the deadlines of handlers in the context of a clock."""
    clock = CURRENT_CLOCK.get()
    return None if clock is None else clock.deadlines


def _clock(loop: asyncio.AbstractEventLoop, context: Context | None = None) -> VirtualClock | None:
    """Return the clock of the context that runs, or of the given one, if it is of this loop."""
    clock = CURRENT_CLOCK.get() if context is None else context.get(CURRENT_CLOCK)
    return clock if clock is not None and clock.loop is loop else None
