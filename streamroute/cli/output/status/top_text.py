"""The screen of ``top``: a line of sums, and the highest routes, within the size of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.status.numbers import count
from streamroute.cli.output.status.streams_text import ROUTE_COLUMNS, route_numbers
from streamroute.cli.output.table import FittedTable, fitted_table
from streamroute.cli.output.tables.column import Column, Fit
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.status.ranking import RankedRoute
    from streamroute.ops.status.stream_status import Status

_ROUTE, *_NUMBERS = ROUTE_COLUMNS
_COLUMNS: Final = (_ROUTE, Column("stream", Fit.NAME, rank=4), *_NUMBERS)


def sums(status: Status) -> str:
    """Return what all streams together have: one line."""
    facts = {
        "lag": [stream.lag for stream in status.streams],
        "pending": [stream.pending for stream in status.streams],
        "retries": [stream.scheduled for stream in status.streams],
        "dead letters": [stream.dead for stream in status.streams],
    }
    workers = sum(worker.alive for stream in status.streams for worker in stream.workers)
    parts = [f"{name} {count(_sum(numbers))}" for name, numbers in facts.items()]
    return "   ".join([*parts, f"consumers {count(workers)}"])


def route_lines(
    routes: Sequence[RankedRoute], layout: OutputLayout = PLAIN, *, limit: int | None = None
) -> list[str]:
    """Return a table of the first ``limit`` routes, and how many it leaves out."""
    if not routes:
        return ["no route was active in the last minute"]
    found = _table(routes[:limit], layout)
    return [*found.text.split("\n"), *_more(len(routes) - len(found.rows))]


def route_screen(routes: Sequence[RankedRoute], layout: OutputLayout, height: int) -> list[str]:
    """Return a table of as many routes as fit in so many lines, and how many it leaves out."""
    if not routes:
        return ["no route was active in the last minute"]
    found = _table(routes[: max(0, height)], layout)
    rows = found.rows[: max(0, height - len(found.notes) - 2)]  # without the head and the last line
    return [
        found.head,
        *(line for row in rows for line in row),
        *found.notes,
        *_more(len(routes) - len(rows)),
    ]


def _table(routes: Sequence[RankedRoute], layout: OutputLayout) -> FittedTable:
    rows = [(one.status.route, one.stream, *route_numbers(one.status)) for one in routes]
    return fitted_table(_COLUMNS, rows, layout)


def _more(number: int) -> list[str]:
    return [f"and {pluralize(number, 'more route')}"] if number else []


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
