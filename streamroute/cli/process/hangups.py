"""SIGHUP: a request to reload, or a terminal that has closed.

The system sends the signal when a terminal closes, and people and service managers send it to reload. When
the terminal of this process has closed, ``/dev/tty`` can no longer be opened.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNAL: Final[signal.Signals | None] = getattr(signal, "SIGHUP", None)
"""None if the system does not have it."""

_TERMINAL: Final = "/dev/tty"


def has_terminal() -> bool:
    """Whether this process has a controlling terminal that is open."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def hangup_is_ignored() -> bool:
    """Whether the process was started with the signal ignored, as ``nohup`` does."""
    return SIGNAL is not None and signal.getsignal(SIGNAL) is signal.SIG_IGN


class Hangups:
    """Tells a closed terminal from a request to reload.

    ``on_request`` is called for a request; while it is None, there are none, and SIGHUP stops the process.
    ``had_terminal`` is whether the process was started on a terminal.
    """

    def __init__(self, is_open: Callable[[], bool] = has_terminal) -> None:
        self.on_request: Callable[[], None] | None = None
        self.had_terminal = is_open()
        self._is_open = is_open
        self._has_kept = False

    def is_request(self) -> bool:
        """Whether SIGHUP is a request now; may be called in a signal handler."""
        return self.on_request is not None and not self._terminal_has_closed()

    def request(self) -> None:
        """Call ``on_request``."""
        if self.on_request is not None:
            self.on_request()

    def take_kept(self) -> bool:
        """Return whether the signal came while the process started, and forget it."""
        has_kept, self._has_kept = self._has_kept, False
        return has_kept

    def keep(self) -> None:
        """Keep the signal from now on, while the process starts; a closed terminal ends it."""
        if SIGNAL is not None and not hangup_is_ignored():
            signal.signal(SIGNAL, self._keep)

    def release(self) -> None:
        """Let the signal end the process again; it ends now if the signal was kept."""
        if SIGNAL is not None and signal.getsignal(SIGNAL) == self._keep:
            signal.signal(SIGNAL, signal.SIG_DFL)
            if self.take_kept():
                os.kill(os.getpid(), SIGNAL)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the signal inside the block, in which the process starts."""
        before = None if SIGNAL is None else signal.getsignal(SIGNAL)
        self.keep()
        try:
            yield
        finally:
            if SIGNAL is not None:
                signal.signal(SIGNAL, before)

    def _keep(self, number: int, _frame: FrameType | None) -> None:
        if not self._terminal_has_closed():
            self._has_kept = True
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _terminal_has_closed(self) -> bool:
        return self.had_terminal and not self._is_open()


class _SinceStart:
    """What has happened to this process since ``keep_hangups``."""

    hangups: Hangups | None = None


def keep_hangups() -> None:
    """Keep SIGHUP from now on: the imports of ``serve`` take longer than a service manager may wait."""
    _SinceStart.hangups = Hangups()
    _SinceStart.hangups.keep()


def process_hangups() -> Hangups:
    """Return the hangups of this process: those since ``keep_hangups``, if it was called."""
    return _SinceStart.hangups or Hangups()
