"""SIGINT, SIGTERM and a closed terminal: the first drains the process, a later one ends it immediately."""

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
"""None if the system does not have it."""
_SAME_REQUEST: Final = 0.5
"""Seconds after the first signal in which further ones repeat it: GNU ``timeout``, systemd and wrappers of
commands signal both the process and its group."""


def _no_op() -> None:
    """Default no-op callback."""


@contextmanager
def stop_on_signals(
    stop: Callable[[], None],
    *,
    on_first: Callable[[], None] = _no_op,
    on_second: Callable[[], None] = _no_op,
    second_exits: bool = True,
    check_interval: float = 1.0,
) -> Iterator[None]:
    """Call ``stop`` in the event loop at the first signal; exit at a second one.

    A signal within half a second of the first repeats it. ``on_first`` and ``on_second`` are called in the
    signal handler: they, and the exit itself, work even while user code blocks the event loop. Unfinished
    entries stay pending. Without ``second_exits``, every signal counts as the first.
    SIGHUP never counts as the second: a terminal that closes sends it more than once. If it is ignored
    (``nohup``), it stays ignored. Handlers of these signals that user code sets are replaced after two
    checks, ``check_interval`` seconds apart, since this process could not be drained otherwise.
    """
    loop = asyncio.get_running_loop()
    first: float | None = None

    def begin() -> None:
        log.info("draining; a second signal exits immediately" if second_exits else "draining")
        stop()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            on_first()
            loop.call_soon_threadsafe(begin)
        elif second_exits and number != _HANGUP and time.monotonic() - first >= _SAME_REQUEST:
            on_second()
            log_at_once(logging.WARNING, "exited immediately; unfinished entries stay pending")
            os._exit(128 + number)

    numbers = [*_SIGNALS]
    if _HANGUP is not None and signal.getsignal(_HANGUP) is signal.SIG_DFL:
        numbers.append(_HANGUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    guard = _HandlerGuard(loop, on_signal, numbers, check_interval)
    try:
        yield
    finally:
        guard.end()
        for number, handler in before.items():
            signal.signal(number, handler)


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
