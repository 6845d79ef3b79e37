"""SIGINT, SIGTERM and a closed terminal: the first asks for a drain, a later one ends the process at once."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from streamroute.cli.output.logging import log_at_once

log = logging.getLogger(__name__)

_Handler = Callable[[int, FrameType | None], None]
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_HANGUP: Final = getattr(signal, "SIGHUP", None)
"""None where the system knows none."""
_ONE_REQUEST: Final = 0.5
"""Seconds after the first signal in which others repeat it: GNU ``timeout``, systemd and wrappers of commands
signal the process and its group, and a person does not change their mind that soon."""


def _nothing() -> None:
    """Nobody else needs to know of the signal."""


@contextmanager
def stop_on_signals(
    stop: Callable[[], None],
    *,
    begun: Callable[[], None] = _nothing,
    leaving: Callable[[], None] = _nothing,
    leaves: bool = True,
    look_every: float = 1.0,
) -> Iterator[None]:
    """Call ``stop`` in the event loop at the first signal; at a second, leave.

    A signal within half a second of the first repeats it. ``begun`` is called at the first and ``leaving`` at
    the second, in the signal handler: both, and leaving itself, work even where a handler blocks the event
    loop. What is unfinished stays pending. Without ``leaves``, all signals are the first: a supervisor ends
    its workers otherwise.
    SIGHUP is a first signal, and never a second: a terminal that closes sends it more than once. Whoever
    had it ignored (``nohup``) keeps it ignored. User code that sets other handlers of these signals loses
    them after a second or two (two looks, ``look_every`` seconds apart): this process could not be told to
    drain.
    """
    loop = asyncio.get_running_loop()
    first: float | None = None

    def begin() -> None:
        log.info("finishing what runs; a second signal stops at once" if leaves else "finishing what runs")
        stop()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            begun()
            loop.call_soon_threadsafe(begin)
        elif leaves and number != _HANGUP and time.monotonic() - first >= _ONE_REQUEST:
            leaving()
            log_at_once(logging.WARNING, "stopped at once; unfinished entries stay pending")
            os._exit(128 + number)

    numbers = [*_SIGNALS]
    if _HANGUP is not None and signal.getsignal(_HANGUP) is signal.SIG_DFL:
        numbers.append(_HANGUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    keeping = _HandlerGuard(loop, on_signal, numbers, look_every)
    try:
        yield
    finally:
        keeping.end()
        for number, handler in before.items():
            signal.signal(number, handler)


class _HandlerGuard:
    """Looks from time to time whether a handler of signals is still in place, and puts it back."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: _Handler,
        numbers: Collection[signal.Signals],
        look_every: float,
    ) -> None:
        self._loop, self._handler, self._numbers = loop, handler, numbers
        self._missed: set[signal.Signals] = set()
        self._look_every = look_every
        self._timer = loop.call_later(look_every, self._look)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        missed = {number for number in self._numbers if signal.getsignal(number) is not self._handler}
        gone = sorted(missed & self._missed)  # at two looks: who replaces it for a moment puts it back
        for number in gone:
            signal.signal(number, self._handler)
        if gone:
            log.warning(
                "user code has replaced the handler of %s: it is put back, since this process drains on it",
                ", ".join(number.name for number in gone),
            )
        self._missed = missed
        self._timer = self._loop.call_later(self._look_every, self._look)
