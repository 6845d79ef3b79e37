"""Prints what is paused, and what an action changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import NOTHING, Column, Fit
from streamroute.ops.pauses.listing import pause_object
from streamroute.text.times import time_text

if TYPE_CHECKING:
    from streamroute.adapters.pauses.record import Pause
    from streamroute.ops.pauses.actions import PauseChange
    from streamroute.ops.pauses.listing import PausedItem

_COLUMNS: Final = (
    Column("stream", Fit.NAME, rank=2),
    Column("route", Fit.NAME),
    Column("kind", rank=4),
    Column("since", Fit.TIME, rank=3),
    Column("until", Fit.TIME, rank=1),
    Column("who", Fit.NAME, rank=5),
    Column("parked"),
    Column("reason", Fit.TEXT),
)


def print_paused(items: Sequence[PausedItem], output_format: str) -> None:
    """Print what is paused, as a table or as one JSON object."""
    if output_format == "json":
        write_json({"paused": [item.as_dict() for item in items]})
    elif not items:
        echo("nothing is paused")
    else:
        rows = [[_cell(item.as_dict()[column.head]) for column in _COLUMNS] for item in items]
        echo(table(_COLUMNS, rows, OutputLayout.of(sys.stdout)))


def print_changes(changes: Sequence[PauseChange], output_format: str) -> None:
    """Print what an action changed, one line for each target, or as one JSON object."""
    if output_format == "json":
        write_json({"changes": [_change(change) for change in changes]})
        return
    for change in changes:
        echo(_sentence(change))


def _sentence(change: PauseChange) -> str:
    label, before, after = change.target.label, change.before, change.after
    if after is not None:
        ends = "until it is resumed" if after.until is None else f"until {_time(after.until)}"
        earlier = "" if before is None else f"; it was paused {_by(before)}"
        return f"paused {label}, {ends}{earlier}"
    return f"{label} is not paused" if before is None else f"resumed {label}; it was paused {_by(before)}"


def _by(pause: Pause) -> str:
    reason = f": {pause.reason}" if pause.reason else ""
    return f"by {pause.who} since {_time(pause.since)}{reason}"


def _change(change: PauseChange) -> dict[str, Any]:
    return {
        "stream": change.target.stream,
        "route": change.target.route or None,
        "before": pause_object(change.before),
        "after": pause_object(change.after),
    }


def _time(milliseconds: int) -> str:
    return time_text(milliseconds / 1000)


def _cell(value: str | int | None) -> str | int:
    return value if isinstance(value, int) else value or NOTHING
