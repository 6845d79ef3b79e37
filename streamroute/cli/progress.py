"""A bar on a terminal while something goes on, of which nothing is left on the screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_ERASE_LINE_ABOVE: Final = "\x1b[1A\x1b[2K"


@contextmanager
def progress_bar(label: str, size: int | None) -> Iterator[ProgressBar[Any]]:
    """A bar on stderr, where that is a terminal; without a ``size`` it only shows that something moves."""
    hidden = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    endless = iter(int, 1) if size is None else None
    try:
        with click.progressbar(endless, size, label, file=sys.stderr, hidden=hidden) as bar:
            yield bar
    finally:
        if not hidden:  # the bar has ended its line
            sys.stderr.write(_ERASE_LINE_ABOVE)
            sys.stderr.flush()
