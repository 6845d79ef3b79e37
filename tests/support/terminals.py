"""A command on a terminal: its output, and what remains of it on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projects import Project

_PART = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|.", re.DOTALL)


@dataclass(frozen=True)
class Screen:
    """The output byte for byte, and the lines left on the screen."""

    raw: str
    lines: list[str]
    code: int = 0


def on_terminal(
    project: Project,
    *words: str,
    keys: Sequence[tuple[str, str]] = (),
    columns: int = 100,
    color: bool = False,
) -> Screen:
    """Run ``streamroute`` in the project's folder on its own terminal of so many columns, until it ends.

    ``keys`` are typed one after the other, each when a text has been written since the one before.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {**os.environ, **project.env, "TERM": "xterm", "NO_COLOR": "" if color else "1"}
    env.pop("COLUMNS", None)
    line = [sys.executable, "-m", "streamroute", *words]
    running = subprocess.Popen(
        line, cwd=project.folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    written, seen, left = b"", 0, list(keys)
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
            if left and left[0][0].encode() in written[seen:]:
                seen = len(written)
                os.write(ours, left.pop(0)[1].encode())
    except OSError:  # Linux raises it when the other end is closed
        pass
    finally:
        os.close(ours)
    running.wait(240)
    text = written.decode()
    return Screen(text, _left(text), running.returncode)


def _left(text: str) -> list[str]:
    """Return the lines on the screen without trailing blank ones, interpreting what a progress bar writes."""
    lines, row, column = [""], 0, 0
    for part in _PART.findall(text):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part in _ERASED:
            lines = _erased(part, lines, row, column)
        elif part == "\x1b[H":
            row, column = 0, 0
        elif part.endswith("m") and part.startswith("\x1b"):
            continue
        elif part == "\x1b[1A":
            row = max(row - 1, 0)
        elif not part.startswith("\x1b"):
            lines[row] = lines[row].ljust(column)[:column] + part + lines[row][column + 1 :]
            column += 1
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip() for line in lines]


_ERASED = ("\x1b[K", "\x1b[2K", "\x1b[J")


def _erased(part: str, lines: list[str], row: int, column: int) -> list[str]:
    """Return the lines after the rest of a line, a whole line, or the rest of the screen was erased."""
    kept = "" if part == "\x1b[2K" else lines[row][:column]
    below = [] if part == "\x1b[J" else lines[row + 1 :]
    return [*lines[:row], kept, *below]
