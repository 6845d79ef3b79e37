"""How output is laid out: fitted and painted for a terminal, complete and plain elsewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Self, TextIO

import click

from streamroute.cli.output.terminal import terminal_width, wants_color

_USUAL: Final = 80  # columns of a terminal that does not tell its width
_NARROWEST: Final = 20


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """``width`` is in columns; None: the output is no terminal, and nothing is cut, wrapped or left out."""

    width: int | None = None
    color: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Self:
        """Return the layout for a stream."""
        width = (terminal_width(stream) or _usual_width()) if stream.isatty() else None
        return cls(None if width is None else max(width, _NARROWEST), wants_color(stream))

    def indented(self, columns: int) -> OutputLayout:
        """Return the layout for text that is indented by so many columns."""
        return self if self.width is None else OutputLayout(max(self.width - columns, _NARROWEST), self.color)

    def painted(self, text: str, color: str | None, *, bold: bool = True) -> str:
        """Return a text in a color of ``click.style``, if there are colors."""
        return click.style(text, fg=color, bold=bold or None) if self.color and color else text


PLAIN: Final = OutputLayout()
"""The layout for a pipe or a file."""


def _usual_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isascii() and columns.isdigit() and 0 < len(columns) < 5 else _USUAL
