"""Report: what became of the messages, as a table on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamroute.cli.output.streams import printable, say
from streamroute.cli.output.table import table
from streamroute.incidents import Incident
from streamroute.ops.metrics.counters import LOST
from streamroute.text.counted import counted

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counts, Tally, Unlisted

_NAMED: Final = 3  # types that are named of those that no route lists
_HAPPENED: Final = {
    LOST: "entries that another worker took meanwhile, and may have run as well",
    Incident.REDELIVERED: "entries that were delivered again, since a worker had left them",
    Incident.DELETED: "entries that somebody deleted before they were done",
    Incident.GROUP_LOST: "times that the consumer group was lost, so that what it had not settled ran again",
}


def print_tally(tally: Tally) -> None:
    """What was fed, then what had been there before, then what concerns no route."""
    if tally.marks:
        say(_table(tally, tally.fed))
    if tally.leftover or not tally.marks:
        title = "\nleft over from before:\n" if tally.marks else ""
        say(f"{title}{_table(tally, tally.leftover)}")
    if tally.unlisted.messages:
        say(f"\n{unlisted_in_words(tally.unlisted)}")
    for what, said in _HAPPENED.items():
        if count := tally.count(what):
            say(f"\n{said}: {count}")


def unlisted_in_words(unlisted: Unlisted) -> str:
    """How many messages no route lists, and of which types most of them are; one line."""
    count = len(unlisted.types)
    types = f"{'more than ' if unlisted.has_more else ''}{counted(count, 'type')}"
    messages = counted(unlisted.messages, "message")
    most = sorted(unlisted.types.items(), key=lambda counted: (-counted[1], counted[0]))[:_NAMED]
    named = ", ".join(f"{printable(name)} {times}" for name, times in most)
    rest = ", ..." if count > _NAMED else ""
    return f"acknowledged, since no route lists its type: {messages} of {types} ({named}{rest})"


def _table(tally: Tally, counts: Counts) -> str:
    rows = [
        (stream, printable(route), row.matched, row.succeeded, row.failed)
        for stream, route, row in tally.rows(counts)
    ]
    return table(("stream", "route", "matched", "succeeded", "failed"), rows)
