"""The summary at the end of a run: counts of messages, as tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.streams import echo, printable
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import Column, Fit
from streamroute.ops.metrics.declarations import EVENT_METRICS, SHADOW_RESULTS
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.route_counts import CountsByRoute
    from streamroute.ops.metrics.unlisted import UnlistedMessages

_NAMED_TYPES: Final = 3  # unlisted types that the summary names
_COLUMNS: Final = {"matched": "matched", "succeeded": "succeeded", "failed": "dead"}
"""Column heads -> keys of ``ROUTE_METRICS``."""


def print_summary(counters: Counters) -> None:
    """Print the counts of the feed, of the backlog, of unlisted types, and of other events."""
    if counters.feed_start_ids:
        echo(_table(counters, counters.feed))
    if counters.backlog or not counters.feed_start_ids:
        title = "\nbacklog from before the feed:\n" if counters.feed_start_ids else ""
        echo(f"{title}{_table(counters, counters.backlog)}")
    if counters.shadows:
        echo(f"\nshadows, whose handlers did not run:\n{_shadows(counters)}")
    if counters.unlisted.messages:
        echo(f"\n{describe_unlisted(counters.unlisted)}")
    for metric in EVENT_METRICS:
        if metric.summary and (count := counters.event_total(metric.event)):
            echo(f"\n{metric.summary}: {count}")


def describe_unlisted(unlisted: UnlistedMessages) -> str:
    """Return one line with the number of messages of unlisted types, and the most frequent types."""
    types = f"{'more than ' if unlisted.has_more else ''}{pluralize(len(unlisted.types), 'type')}"
    messages = pluralize(unlisted.messages, "message")
    most_frequent = sorted(unlisted.types.items(), key=lambda item: (-item[1], item[0]))[:_NAMED_TYPES]
    named = ", ".join(f"{printable(name)} {count}" for name, count in most_frequent)
    rest = ", ..." if len(unlisted.types) > _NAMED_TYPES else ""
    return f"acknowledged, since no route lists its type: {messages} of {types} ({named}{rest})"


def _shadows(counters: Counters) -> str:
    columns = tuple(SHADOW_RESULTS.values())
    rows: list[list[str | int]] = [
        [stream, route, *(row[result] for result in columns)]
        for (stream, route), row in sorted(counters.shadows.items())
    ]
    return _fitted("shadow", [name.replace("_", " ") for name in columns], rows)


def _table(counters: Counters, counts: CountsByRoute) -> str:
    rows: list[list[str | int]] = [
        [stream, route, *(row.get(key, 0) for key in _COLUMNS.values())]
        for stream, route, row in counters.rows(counts)
    ]
    return _fitted("route", list(_COLUMNS), rows)


def _fitted(name: str, counts: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    columns = [Column("stream", Fit.NAME, rank=1), Column(name, Fit.NAME), *map(Column, counts)]
    return table(columns, rows, OutputLayout.of(sys.stdout))
