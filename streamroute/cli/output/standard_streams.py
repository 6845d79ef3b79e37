"""Handles standard streams that are closed, full, or not read any more."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import Final, TextIO

_NAMES: Final = ("stdin", "stdout", "stderr")


def reopen_closed_streams() -> None:
    """Reopen standard streams that were closed at the start (``>&-``).

    Otherwise the next opened file gets the descriptor. A reopened stdin is empty, writing to a reopened
    stdout fails, and a reopened stderr discards everything.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            flags = os.O_WRONLY if name == "stderr" else os.O_RDONLY
            os.open(os.devnull, flags)  # gets the lowest free descriptor, which is this one
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115, PTH123 - it is open as long as the process runs


def discard(stream: TextIO) -> None:
    """Discard all output of a stream, so that Python does not fail to flush it at exit."""
    with suppress(OSError, ValueError):  # a stream without a descriptor does not fail at exit
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


def has_reader(stream: TextIO) -> bool:
    """Whether the other end of a stream that is a pipe is still open; True for all others."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)  # errors are always reported
        return not any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # macOS has no poll() for some devices
        return True


def tolerate_closed_stdout() -> None:
    """Discard output to a closed stdout, so that handlers may print: a service may start without one."""
    if isinstance(getattr(sys.stdout, "name", None), int):  # a reopened stream has an integer name
        discard(sys.stdout)
