"""Report: what became of the messages, as a table on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamroute.cli.output.streams import echo, printable
from streamroute.cli.output.table import table
from streamroute.incidents import Incident
from streamroute.ops.metrics.counters import LEASE_LOST
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counters, CountsByRoute, UnlistedMessages

_NAMED: Final = 3  # types that are named of those that no route lists
_HAPPENED: Final = {
    LEASE_LOST: "entries that another worker took meanwhile, and may have run as well",
    Incident.REDELIVERED: "entries that were delivered again, since a worker had left them",
    Incident.DELETED: "entries that somebody deleted before they were done",
    Incident.GROUP_LOST: "times that the consumer group was lost, so that what it had not settled ran again",
}


def print_summary(counters: Counters) -> None:
    """What was fed, then what had been there before, then what concerns no route."""
    if counters.feed_start_ids:
        echo(_table(counters, counters.feed))
    if counters.backlog or not counters.feed_start_ids:
        title = "\nleft over from before:\n" if counters.feed_start_ids else ""
        echo(f"{title}{_table(counters, counters.backlog)}")
    if counters.unlisted.messages:
        echo(f"\n{describe_unlisted(counters.unlisted)}")
    for what, said in _HAPPENED.items():
        if count := counters.event_total(what):
            echo(f"\n{said}: {count}")


def describe_unlisted(unlisted: UnlistedMessages) -> str:
    """How many messages no route lists, and of which types most of them are; one line."""
    count = len(unlisted.types)
    types = f"{'more than ' if unlisted.has_more else ''}{pluralize(count, 'type')}"
    messages = pluralize(unlisted.messages, "message")
    most = sorted(unlisted.types.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    named = ", ".join(f"{printable(name)} {times}" for name, times in most)
    rest = ", ..." if count > _NAMED else ""
    return f"acknowledged, since no route lists its type: {messages} of {types} ({named}{rest})"


def _table(counters: Counters, counts: CountsByRoute) -> str:
    rows = [
        (stream, printable(route), row.matched, row.succeeded, row.failed)
        for stream, route, row in counters.rows(counts)
    ]
    return table(("stream", "route", "matched", "succeeded", "failed"), rows)
