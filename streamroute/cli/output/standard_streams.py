"""The standard streams of a process, where they are closed, full, or nobody reads them any more."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final, TextIO

_NAMES: Final = ("stdin", "stdout", "stderr")


def reopen_closed_streams() -> None:
    """Give a process that was started without one of them (``>&-``) a stream in its place.

    The next file that is opened would be taken for it. Nothing is read from such a stdin, what is written to
    such a stdout is refused, and stderr is for somebody who does not want to hear.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            flags = os.O_WRONLY if name == "stderr" else os.O_RDONLY
            os.open(os.devnull, flags)  # the lowest number that is free, which is this one
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115, PTH123 - it is open as long as the process runs


def discard(stream: TextIO) -> None:
    """Throw away what is and will be written to a stream, so that Python does not fail with it at the end."""
    with suppress(OSError, ValueError):  # what has no descriptor fails nobody
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


def tolerate_closed_stdout() -> None:
    """Let what runs print, although stdout is closed: a service is often started without one."""
    if isinstance(getattr(sys.stdout, "name", None), int):  # one of ours has its number for a name
        discard(sys.stdout)
