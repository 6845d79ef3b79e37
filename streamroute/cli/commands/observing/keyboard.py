"""Read single keys from the terminal, within an event loop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_MOST: Final = 1024  # bytes of one read: a paste


@contextmanager
def pressed_keys(on_keys: Callable[[str], None]) -> Iterator[None]:
    """Call ``on_keys`` with what is typed inside the block, at once and without echo.

    The terminal is restored at the end. Does nothing if stdin is not a terminal. Ctrl-C still interrupts.
    """
    try:
        import termios
        import tty
    except ImportError:  # not on this platform
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    fd, loop = sys.stdin.fileno(), asyncio.get_running_loop()

    def read() -> None:
        with suppress(OSError):
            typed = os.read(fd, _MOST)
            if not typed:  # the terminal is gone
                loop.remove_reader(fd)
            on_keys(typed.decode(errors="ignore"))

    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    loop.add_reader(fd, read)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
