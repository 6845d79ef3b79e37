"""Names with their values, one below the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Final

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import hang, wrap
from streamroute.text.display_width import display_width, limit_marks

_INDENT: Final = 2
_GAP: Final = 2
_WIDEST_NAME: Final = 24
_FAILURES: Final = frozenset({"error", "failure"})


def pair_lines(pairs: Mapping[str, str], layout: OutputLayout, *, painted: bool = False) -> Iterator[str]:
    """Yield the lines of each pair, whose values begin in one column and are wrapped on a terminal.

    With ``painted``, those that tell of a failure are red.
    """
    names = {name: limit_marks(printable(name)) for name in pairs}
    widths = [display_width(name) for name in names.values()]
    column = _INDENT + max((width for width in widths if width <= _widest_name(layout)), default=0) + _GAP
    for name, value in pairs.items():
        color = "red" if painted and name in _FAILURES else None
        start = f"{' ' * _INDENT}{names[name]}"
        start += " " * max(_GAP, column - display_width(start))
        text = limit_marks(printable(value))
        if layout.width is None or display_width(start) > column:
            yield hang(f"{start}{text}", layout.width, column)
            continue
        first, *others = (
            layout.painted(line, color, bold=False) for line in wrap(text, layout.width - column)
        )
        yield "\n".join([f"{start}{first}", *(f"{' ' * column}{line}" for line in others)])


def _widest_name(layout: OutputLayout) -> float:
    return inf if layout.width is None else _WIDEST_NAME
