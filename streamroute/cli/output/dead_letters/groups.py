"""The output of ``streamroute dead groups``, as text or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from streamroute.adapters.dead_letters.letter_group import HOURS, MINUTES
from streamroute.cli.output.dead_letters.letters import age
from streamroute.cli.output.dead_letters.sparkline import merged, sparkline
from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.pairs import pair_lines
from streamroute.cli.output.streams import echo, printable, write_json
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import Cell, Column, Fit, Painted
from streamroute.ops.dead_letters.group_object import group_object, report_object
from streamroute.text.times import time_text
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.adapters.dead_letters.letter_group import LetterGroup
    from streamroute.ops.dead_letters.groups import GroupReport, StreamGroup

_LONGEST_TITLE: Final = 120
_MINUTE: Final = 60_000  # ms
_STREAM: Final = Column("stream", Fit.NAME, rank=3)
_COLUMNS: Final = (
    Column("group"),
    Column("state", rank=1),
    Column("count"),
    Column("first", rank=5),
    Column("last", rank=2),
    Column("last hour", rank=4),
    Column("route", Fit.NAME),
    Column("failure", Fit.TEXT),
)
_COLORS: Final = {"open": "red", "came back": "red", "resolved": "green"}


def print_groups(report: GroupReport, output_format: str) -> None:
    """Print a line for each group, the newest first, and the notes on stderr."""
    if output_format == "json":
        write_json(report_object(report))
        return
    for note in report.notes:
        echo(f"note: {printable(note)}", err=True)
    if not report.groups:
        echo("no dead letters")
        return
    streams = len({row.stream for row in report.groups}) > 1
    columns = (_STREAM, *_COLUMNS) if streams else _COLUMNS
    rows = [[*([row.stream] if streams else []), *_cells(row.group, report.now)] for row in report.groups]
    echo(table(columns, rows, OutputLayout.of(sys.stdout)))


def print_group(row: StreamGroup, now: int, output_format: str) -> None:
    """Print one group in full."""
    if output_format == "json":
        write_json(group_object(row, now))
        return
    group, encoding = row.group, sys.stdout.encoding
    echo(f"group {printable(group.signature)} of {printable(row.stream)}: {group.state}")
    facts = {
        "failure": group.title,
        "route": group.route or "(no route)",
        "count": f"{group.count} now, {group.total} in all",
        "first": f"{time_text(group.first / 1000)}, {age(now - group.first)} ago",
        "last": f"{time_text(group.last / 1000)}, {age(now - group.last)} ago",
        "last hour": sparkline(merged(_minutes(group, now), 5), encoding),
        "last day": sparkline(group.hours.until(now // (60 * _MINUTE), HOURS), encoding),
        "samples": ", ".join(group.samples),
        "resolved": _resolution(group, now),
        "came back": f"{age(now - group.returned)} ago" if group.returned is not None else "",
    }
    told = {name: value for name, value in facts.items() if value}
    echo("\n".join(pair_lines(told, OutputLayout.of(sys.stdout), painted=True)))


def print_marked(rows: Sequence[StreamGroup], state: str, output_format: str) -> None:
    """Print which groups were marked as ``resolved`` or ``reopened``."""
    if output_format == "json":
        write_json({state: [{"stream": row.stream, "group": row.group.signature} for row in rows]})
        return
    for row in rows:
        title = ellipsize(printable(row.group.title), _LONGEST_TITLE)
        echo(f"{state} {printable(row.group.signature)} of {printable(row.stream)}: {title}")


def _cells(group: LetterGroup, now: int) -> list[Cell]:
    bars = sparkline(merged(_minutes(group, now), 5), sys.stdout.encoding)
    ages = age(now - group.first), age(now - group.last)
    state = Painted(group.state, _COLORS.get(group.state))
    title = " ".join(group.title.split())
    return [
        Painted(group.signature, state.color),
        state,
        group.count,
        *ages,
        bars,
        group.route or "(no route)",
        title,
    ]


def _minutes(group: LetterGroup, now: int) -> list[int]:
    return group.minutes.until(now // _MINUTE, MINUTES)


def _resolution(group: LetterGroup, now: int) -> str:
    if group.resolved is None:
        return ""
    why = f": {group.resolved.reason}" if group.resolved.reason else ""
    return f"{age(now - group.resolved.at)} ago by {group.resolved.who}{why}"
