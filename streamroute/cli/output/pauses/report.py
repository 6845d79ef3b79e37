"""Prints what is paused, and what an action changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.output.table import table
from streamroute.ops.pauses.listing import pause_object
from streamroute.text.times import time_text
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from streamroute.adapters.pauses.record import Pause
    from streamroute.ops.pauses.actions import PauseChange
    from streamroute.ops.pauses.listing import PausedItem

_LONGEST_CELL: Final = 60


def print_paused(items: Sequence[PausedItem], output_format: str) -> None:
    """Print what is paused, as a table or as one JSON object."""
    if output_format == "json":
        write_json({"paused": [item.as_dict() for item in items]})
    elif not items:
        echo("nothing is paused")
    else:
        names = ("stream", "route", "kind", "since", "until", "who", "parked", "reason")
        echo(table(names, [[_cell(item.as_dict()[name]) for name in names] for item in items]))


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
    if isinstance(value, int):
        return value
    return ellipsize(value, _LONGEST_CELL) if value else "-"
