"""Whether to color what is printed: on a terminal, unless the user says no."""

from __future__ import annotations

import os
from typing import TextIO


def wants_color(stream: TextIO) -> bool:
    """Color is for terminals, without NO_COLOR (https://no-color.org) and not for a dumb one."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
