"""Text tables: columns as wide as their content, numbers aligned to the right."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streamroute.cli.output.streams import printable


def table(head: Sequence[str], rows: Sequence[Sequence[str | int]], *, right: Collection[int] = ()) -> str:
    """Render rows under a head, with two spaces between columns, no trailing spaces and no final newline.

    A row is always one line. ``right`` are the numbers of further columns to align to the right.
    """
    cells = [[printable(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    numeric = [
        column in right or (all(isinstance(row[column], int) for row in rows) and bool(rows))
        for column in range(len(head))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    )
