"""Text tables: columns as wide as their content, or fitted to the width of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import click

from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.tables.column import Cell, Column
from streamroute.cli.output.tables.rendered_column import RenderedColumn
from streamroute.cli.output.tables.widths import GAP, fit_widths
from streamroute.cli.output.tables.wrapping import hang
from streamroute.text.display_width import display_width, shorten, shorten_middle

_NOTE_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class FittedTable:
    """The lines of the head and of each row, and the notes on what is not shown."""

    head: str
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]

    @property
    def text(self) -> str:
        """The table and its notes, without a final line break."""
        return "\n".join([self.head, *(line for row in self.rows for line in row), *self.notes])


def table(
    columns: Sequence[Column | str], rows: Sequence[Sequence[Cell]], layout: OutputLayout = PLAIN
) -> str:
    """Render rows under the heads of their columns, without trailing spaces and without a final line break.

    Without a width, each row is one line with all columns. Otherwise no line is wider than that: columns are
    cut, wrapped or dropped as they say, and notes below the table say what is not shown. A head alone is a
    column that is neither cut nor dropped while there is room.
    """
    return fitted_table(columns, rows, layout).text


def fitted_table(
    columns: Sequence[Column | str], rows: Sequence[Sequence[Cell]], layout: OutputLayout = PLAIN
) -> FittedTable:
    """Render a table as ``table`` does, with the lines of each row apart."""
    rendered = [_rendered(head, [row[at] for row in rows]) for at, head in enumerate(columns)]
    natural = [column.natural for column in rendered]
    if layout.width is None or sum(natural) + GAP * (len(natural) - 1) <= layout.width:
        return _laid_out(rendered, natural, len(rows), layout, [])
    relative = [column.without_folder() for column in rendered]
    widths = fit_widths([column.need for column in relative], layout.width)
    dropped = [column for at, column in enumerate(rendered) if at not in widths]
    folders = _folder_notes([rendered[at] for at in sorted(widths)], layout.width)
    notes = [*folders, *_dropped_notes(dropped, layout.width)]
    kept = sorted(widths)
    return _laid_out([relative[at] for at in kept], [widths[at] for at in kept], len(rows), layout, notes)


def _rendered(column: Column | str, cells: Sequence[Cell]) -> RenderedColumn:
    return RenderedColumn.of(Column(column) if isinstance(column, str) else column, cells)


def _folder_notes(columns: Sequence[RenderedColumn], width: int) -> Iterator[str]:
    return (
        shorten_middle(f"{column.head}: below {column.folder}", width) for column in columns if column.folder
    )


def _dropped_notes(dropped: Sequence[RenderedColumn], width: int) -> Iterator[str]:
    uniform = [
        f"{column.head} {column.cells[0]}" for column in dropped if column.is_uniform and not column.is_empty
    ]
    others = [column.head for column in dropped if not column.is_uniform]
    for note, texts in (("in each row", uniform), ("no room for", others)):
        if texts:
            yield hang(shorten(f"{note}: {', '.join(texts)}", _NOTE_LINES * width), width, 2)


def _laid_out(
    columns: Sequence[RenderedColumn],
    widths: Sequence[int],
    rows: int,
    layout: OutputLayout,
    notes: Sequence[str],
) -> FittedTable:
    heads = [
        _padded(shorten(column.head, width), width, right=column.right, bold=layout.color)
        for column, width in zip(columns, widths, strict=True)
    ]
    lines = [list(_row(columns, widths, row, layout)) for row in range(rows)]
    return FittedTable(_joined(heads), lines, notes)


def _row(
    columns: Sequence[RenderedColumn], widths: Sequence[int], row: int, layout: OutputLayout
) -> Iterator[str]:
    cells = [column.lines(row, width) for column, width in zip(columns, widths, strict=True)]
    for texts in zip_longest(*cells, fillvalue=""):
        yield _joined(
            _padded(text, width, right=column.right, color=column.colors[row] if layout.color else None)
            for text, column, width in zip(texts, columns, widths, strict=True)
        )


def _joined(cells: Iterable[str]) -> str:
    return (" " * GAP).join(cells).rstrip()


def _padded(text: str, width: int, *, right: bool, color: str | None = None, bold: bool = False) -> str:
    """Return a text with spaces up to ``width``; only the text is painted."""
    spaces = " " * (width - display_width(text))
    painted = click.style(text, fg=color, bold=bold or None) if text and (color or bold) else text
    return spaces + painted if right else painted + spaces
