"""What is printed to a terminal: its colors, unless the user says no, and its width."""

from __future__ import annotations

import os
from typing import TextIO


def wants_color(stream: TextIO) -> bool:
    """Color is for terminals, without NO_COLOR (https://no-color.org) and not for a dumb one."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def terminal_width(stream: TextIO) -> int | None:
    """How wide the terminal is that the stream leads to; None where it leads elsewhere, or nobody knows."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
