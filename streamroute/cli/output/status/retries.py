"""Print retries that wait, and what was done with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.status.numbers import age, count
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import NOTHING, Column, Fit
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.retries.query import RetryListing
    from streamroute.ops.retries.waiting_retry import WaitingRetry

_COLUMNS: Final = (
    Column("id", Fit.ID),
    Column("due in"),
    Column("attempt", rank=1, right=True),
    Column("stream", Fit.NAME, rank=2),
    Column("route", Fit.NAME),
    Column("last error", Fit.TEXT),
)


def print_listing(listing: RetryListing, output_format: str) -> None:
    """Print how many retries wait, and the first of them."""
    if output_format == "json":
        write_json(listing.as_dict())
        return
    if listing.parked:
        parked = pluralize(listing.parked, "parked message waits", "parked messages wait")
        echo(f"{parked} for the end of a pause; see `streamroute paused`")
    if not listing.total:
        echo("no retry is waiting")
        return
    rows = [_row(retry, listing.now) for retry in listing.first]
    echo(table(_COLUMNS, rows, OutputLayout.of(sys.stdout)))
    more = listing.total - len(listing.first)
    if more > 0:
        echo(f"and {count(more)} more; --limit 0 lists all")


def _row(retry: WaitingRetry, now: int) -> tuple[str, str, str, str, str, str]:
    name, wait = retry.scheduled.name, (retry.scheduled.due - now) / 1000
    return (
        name.id,
        age(wait) if wait > 0 else "now",
        str(name.attempt) if name.attempt else NOTHING,
        retry.stream,
        ", ".join(name.routes) or "(all that match)",
        " ".join(_error(retry).split()) or NOTHING,
    )


def _error(retry: WaitingRetry) -> str:
    if retry.problem:
        return f"(cannot be read: {retry.problem})"
    return "" if retry.failure is None else retry.failure.error


def print_done(done: str, number: int, output_format: str, *, dry_run: bool, damaged: int = 0) -> None:
    """Print what was done: ``done`` is ``made due`` or ``cancelled``."""
    if output_format == "json":
        facts: dict[str, Any] = {done.replace(" ", "_"): number, "dry_run": dry_run}
        write_json(facts | ({"damaged": damaged} if damaged else {}))
        return
    retries = pluralize(number, "retry", "retries")
    echo(f"{retries} would be {done}" if dry_run else f"{retries} {done}")
    if damaged:
        kept = pluralize(damaged, "retry", "retries")
        echo(f"{kept} cannot be read; such a retry becomes a dead letter when it runs", err=True)
