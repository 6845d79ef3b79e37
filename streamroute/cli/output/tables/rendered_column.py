"""A column with the text of its cells, harmless and measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.column import NOTHING, Cell, Column, Fit, Painted
from streamroute.cli.output.tables.folders import common_folder
from streamroute.cli.output.tables.widths import Need
from streamroute.cli.output.tables.wrapping import wrap
from streamroute.text.display_width import display_width, limit_marks, shorten, shorten_middle
from streamroute.text.truncation import ellipsize

_LONGEST_CELL: Final = 1000  # characters, also where nothing is fitted
_LINES: Final = 3  # of a wrapped cell
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*", re.ASCII)
_WITH_SECONDS: Final = len("2000-01-01T00:00:00")


@dataclass(frozen=True, slots=True)
class RenderedColumn:
    """``right``: aligned to the right; ``colors`` are those of the cells."""

    column: Column
    head: str
    cells: Sequence[str]
    colors: Sequence[str | None]
    right: bool

    @classmethod
    def of(cls, column: Column, cells: Sequence[Cell]) -> Self:
        """Return the column with each text on one line."""
        right = column.right or (bool(cells) and all(isinstance(cell, int) for cell in cells))
        colors = [cell.color if isinstance(cell, Painted) else None for cell in cells]
        return cls(column, printable(column.head), [_text(cell) for cell in cells], colors, right)

    @property
    def natural(self) -> int:
        """The width of the widest cell."""
        return max(map(display_width, (self.head, *self.cells)))

    @property
    def is_uniform(self) -> bool:
        """Whether a note can stand for the column: all cells are the same, and not only one."""
        return self.is_empty or (len(self.cells) > 1 and len(set(self.cells)) == 1)

    @property
    def is_empty(self) -> bool:
        """Whether no cell of the column says anything."""
        return set(self.cells) == {NOTHING}

    @property
    def need(self) -> Need:
        """What the column needs where there is not enough room for all."""
        natural, fit = self.natural, self.column.fit
        least = natural if fit is Fit.KEEP else min(natural, max(fit.value, display_width(self.head)))
        return Need(natural, least, self.column.rank, self.is_uniform)

    @property
    def folder(self) -> str:
        """The folder that all paths of the column share; empty for a column of another kind."""
        return common_folder(self.cells) if self.column.fit is Fit.PATH else ""

    def without_folder(self) -> Self:
        """Return the column with paths relative to the folder that they share."""
        folder = self.folder
        return replace(self, cells=[cell[len(folder) :] for cell in self.cells]) if folder else self

    def lines(self, row: int, width: int) -> list[str]:
        """Return a cell in lines of at most ``width`` columns."""
        text = self.cells[row]
        if display_width(text) <= width:
            return [text]
        if self.column.fit is Fit.TEXT:
            return wrap(text, width, _LINES)
        if self.column.fit is Fit.TIME and _TIME.fullmatch(text) and width >= Fit.TIME.value:
            return [text[: _WITH_SECONDS if width >= _WITH_SECONDS else Fit.TIME.value]]
        return [shorten(text, width) if self.column.fit is Fit.KEEP else shorten_middle(text, width)]


def _text(cell: Cell) -> str:
    text = cell.text if isinstance(cell, Painted) else str(cell)
    return limit_marks(printable(ellipsize(text, _LONGEST_CELL)))
