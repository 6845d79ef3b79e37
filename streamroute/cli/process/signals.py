"""SIGINT, SIGTERM and a closed terminal: the first drains the process, a later one ends it immediately.

SIGHUP from anything but a closed terminal asks for a reload.
"""

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
from streamroute.cli.process.hangups import SIGNAL, Hangups, hangup_is_ignored

log = logging.getLogger(__name__)

_Handler = Callable[[int, FrameType | None], None]
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SAME_REQUEST: Final = 0.5
"""Seconds after the first signal in which further ones repeat it: GNU ``timeout``, systemd and wrappers of
commands signal both the process and its group."""
_CLOSING: Final = 1.0
"""Seconds after SIGHUP in which the terminal may still close."""


def _no_op() -> None:
    """Default no-op callback."""


@contextmanager
def stop_on_signals(
    stop: Callable[[], None],
    *,
    hangups: Hangups | None = None,
    on_first: Callable[[], None] = _no_op,
    on_second: Callable[[], None] = _no_op,
    second_exits: bool = True,
    check_interval: float = 1.0,
) -> Iterator[None]:
    """Call ``stop`` in the event loop at the first signal; exit at a second one.

    A signal within half a second of the first repeats it. ``on_first`` and ``on_second`` are called in the
    signal handler: they, and the exit itself, work even while user code blocks the event loop. Unfinished
    entries stay pending. Without ``second_exits``, every signal counts as the first.
    SIGHUP that ``hangups`` takes for a request calls its ``on_request`` in the event loop. Any other stops
    the process as the first signal does, and never counts as the second: a terminal that closes sends it
    more than once. If it is ignored (``nohup``), it stays ignored. Handlers of these signals that user code
    sets are replaced after two checks, ``check_interval`` seconds apart, since this process could not be
    drained otherwise.
    """
    loop = asyncio.get_running_loop()
    hangups = Hangups() if hangups is None else hangups
    handler = _StopSignals(loop, stop, hangups, on_first, on_second, second_exits=second_exits).handle
    numbers = [*_SIGNALS]
    if SIGNAL is not None and not hangup_is_ignored():
        numbers.append(SIGNAL)
    before = {number: signal.signal(number, handler) for number in numbers}
    if hangups.take_kept():
        loop.call_soon(hangups.request)
    guard = _HandlerGuard(loop, handler, numbers, check_interval)
    try:
        yield
    finally:
        guard.end()
        for number, old in before.items():
            signal.signal(number, old)


class _StopSignals:
    """Handles the signals of one process: the first, later ones, and requests to reload."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stop: Callable[[], None],
        hangups: Hangups,
        on_first: Callable[[], None],
        on_second: Callable[[], None],
        *,
        second_exits: bool,
    ) -> None:
        self._loop = loop
        self._stop = stop
        self._hangups = hangups
        self._on_first, self._on_second = on_first, on_second
        self._second_exits = second_exits
        self._first: float | None = None

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal; called between two instructions of any code of the main thread."""
        if number == SIGNAL and self._hangups.is_request():
            self._loop.call_soon_threadsafe(self._request)
        elif self._first is None:
            self._first = time.monotonic()
            self._on_first()
            self._loop.call_soon_threadsafe(self._begin)
        elif self._second_exits and number != SIGNAL and time.monotonic() - self._first >= _SAME_REQUEST:
            self._on_second()
            log_at_once(logging.WARNING, "exited immediately; unfinished entries stay pending")
            os._exit(128 + number)

    def _begin(self) -> None:
        log.info("draining; a second signal exits immediately" if self._second_exits else "draining")
        self._stop()

    def _request(self) -> None:
        self._hangups.request()
        if self._hangups.had_terminal:  # a shell may send the signal before it closes its terminal
            self._loop.call_later(_CLOSING, self._check_terminal)

    def _check_terminal(self) -> None:
        if self._first is None and not self._hangups.is_request() and SIGNAL is not None:
            self.handle(SIGNAL, None)


class _HandlerGuard:
    """Checks every second that the signal handler is still in place, and restores it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: _Handler,
        numbers: Collection[signal.Signals],
        check_interval: float,
    ) -> None:
        self._loop, self._handler, self._numbers = loop, handler, numbers
        self._replaced: set[signal.Signals] = set()
        self._interval = check_interval
        self._timer = loop.call_later(check_interval, self._check)

    def end(self) -> None:
        """Stop checking."""
        self._timer.cancel()

    def _check(self) -> None:
        replaced = {number for number in self._numbers if signal.getsignal(number) is not self._handler}
        to_restore = sorted(replaced & self._replaced)  # twice in a row: code may replace it for a moment
        for number in to_restore:
            signal.signal(number, self._handler)
        if to_restore:
            log.warning(
                "user code replaced the handler of %s; restored it, since this process drains on the signal",
                ", ".join(number.name for number in to_restore),
            )
        self._replaced = replaced
        self._timer = self._loop.call_later(self._interval, self._check)
