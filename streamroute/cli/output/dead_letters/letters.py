"""The output of ``streamroute dead``, as text or JSON."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.pairs import pair_lines
from streamroute.cli.output.streams import echo, printable, write_json
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import Cell, Column, Fit, Painted
from streamroute.cli.output.tables.wrapping import hang
from streamroute.ops.dead_letters.letter_object import field_text, letter_object, original_fields
from streamroute.ops.dead_letters.summary import DeadLetterSummary
from streamroute.text.counted import pluralize
from streamroute.text.display_width import limit_marks
from streamroute.text.times import time_text
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.ops.dead_letters.actions import ActionResult
    from streamroute.ops.dead_letters.letter import StreamLetter
    from streamroute.values import Failure

_COUNTED: Final = (
    Column("stream", Fit.NAME, rank=1),
    Column("route", Fit.NAME),
    Column("reason", Fit.TEXT),
    Column("count"),
    Column("oldest", rank=2),
    Column("newest", rank=3),
)
_LISTED: Final = (
    Column("id", Fit.ID),
    Column("age", rank=1),
    Column("stream", Fit.NAME, rank=3),
    Column("route", Fit.NAME),
    Column("type", Fit.NAME, rank=2),
    Column("error", Fit.TEXT),
)
_LONGEST_VALUE: Final = 2000
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))


@dataclass(slots=True)
class Listing:
    """Counts all letters, and keeps the newest ``limit`` (0: all)."""

    limit: int
    summary: DeadLetterSummary = field(default_factory=DeadLetterSummary)
    letters: list[tuple[tuple[int, int], int, StreamLetter]] = field(default_factory=list)

    def add(self, letter: StreamLetter) -> None:
        """Count a letter, and keep it if it is among the newest."""
        letter = letter.shown
        self.summary.add(letter)
        milliseconds, _, sequence = letter.stored.id.partition("-")
        item = ((int(milliseconds), int(sequence)), self.summary.total, letter)
        if not self.limit or len(self.letters) < self.limit:
            heapq.heappush(self.letters, item)
        else:
            heapq.heappushpop(self.letters, item)

    def newest(self) -> list[StreamLetter]:
        """Return the kept letters, newest first."""
        return [letter for _, _, letter in sorted(self.letters, reverse=True, key=lambda item: item[:2])]


def print_listing(listing: Listing, now: int, output_format: str) -> None:
    """Print the counts, then the newest letters."""
    if output_format == "json":
        _print_json(_listing_data(listing))
    elif not listing.summary.total:
        echo("no dead letters")
    else:
        echo(_counts(listing, now))
        echo(f"\n{_newest(listing, now)}")
        remaining = listing.summary.total - len(listing.letters)
        if remaining:
            echo(f"... and {remaining} more; --limit 0 lists all")


def print_letter(letter: StreamLetter, now: int, output_format: str) -> None:
    """Print one letter in full."""
    letter = letter.shown
    if output_format == "json":
        _print_json(letter_object(letter, full=True))
        return
    key, old = printable(letter.dead_letter_stream.key), age(now - letter.stored.at)
    echo(f"dead letter {letter.stored.id} in {key}, {old} old")
    record = letter.record
    if record is None:
        echo(f"  {letter.reason}")
        return
    layout = OutputLayout.of(sys.stdout)
    fields = {field_text(name): field_text(value) for name, value in record.fields.items()}
    lines = *pair_lines(_facts(record), layout, painted=True), *_titled("fields", layout)
    echo("\n".join([*lines, *pair_lines(fields, layout)]))
    if record.history:
        echo("\n".join(_titled("history", layout)))
        for failure in record.history:
            echo(hang(f"  {_failure(failure)}", layout.width, 4))
            for name, value in ((failure.original and original_fields(failure.original)) or {}).items():
                was = f"    {printable(name)} was {printable(ellipsize(str(value), _LONGEST_VALUE))}"
                echo(hang(was, layout.width, 6))
    if record.traceback:
        echo("\n".join(_titled("traceback", layout)))
        for line in record.traceback.rstrip().splitlines():
            echo(hang(f"  {limit_marks(printable(line))}", layout.width, 8))


def print_result(result: ActionResult, verb: str, output_format: str, *, dry_run: bool) -> None:
    """Print how many letters were changed, and which were refused and why."""
    if output_format == "json":
        _print_json({verb: result.done, "refused": dict(result.refused), "dry_run": dry_run})
        return
    done = f"would be {verb}" if dry_run else verb
    echo(f"{pluralize(result.done, 'dead letter')} {done}")
    for reason, count in result.refused.most_common():
        echo(f"{pluralize(count, 'dead letter')} not {verb}: {printable(reason)}")


def age(milliseconds: int) -> str:
    """Format a duration in its largest unit: ``5m``, ``2h``, ``3d``."""
    for unit, size in _UNITS:
        if milliseconds >= size:
            return f"{milliseconds // size}{unit}"
    return "0s"


def _counts(listing: Listing, now: int) -> str:
    rows: list[Sequence[Cell]] = []
    for (stream, route, reason), group in listing.summary.rows():
        ages = age(now - group.oldest), age(now - group.newest)
        rows.append((stream, route, Painted(_one_line(reason), "red"), group.count, *ages))
    return table(_COUNTED, rows, OutputLayout.of(sys.stdout))


def _newest(listing: Listing, now: int) -> str:
    rows = [
        (
            letter.stored.id, age(now - letter.stored.at), letter.stream, letter.route,
            _one_line(letter.type), Painted(_one_line(letter.error or letter.reason), "red"),
        )
        for letter in listing.newest()
    ]  # fmt: skip
    return table(_LISTED, rows, OutputLayout.of(sys.stdout))


def _facts(record: DeadRecord) -> dict[str, str]:
    facts = {
        "stream": record.stream,
        "group": record.group,
        "entry": record.id,
        "type": record.type or "",
        "route": record.route or "(no route)",
        "for": ", ".join(record.routes),
        "failure": record.signature,
        "reason": record.reason,
        "error": record.error,
        "place": record.frame,
        "attempt": str(record.attempt),
        "deliveries": str(record.deliveries),
        "time": time_text(record.time),
        "config": record.generation,
        **record.trace,
    }
    return {name: value for name, value in facts.items() if value}


def _titled(title: str, layout: OutputLayout) -> tuple[str, str]:
    return "", click.style(title, bold=True) if layout.color else title


def _failure(failure: Failure) -> str:
    description = printable(": ".join(part for part in (failure.reason, failure.error) if part))
    route = printable(failure.route or "(no route)")
    config = printable(f", config {failure.generation}" if failure.generation else "")
    return f"{time_text(failure.time)}  attempt {failure.attempt} of {route}{config}: {description}"


def _listing_data(listing: Listing) -> dict[str, Any]:
    groups = [
        {"stream": stream, "route": route, "reason": reason, **asdict(group)}
        for (stream, route, reason), group in listing.summary.rows()
    ]
    letters = [letter_object(letter, full=False) for letter in listing.newest()]
    return {"total": listing.summary.total, "groups": groups, "letters": letters}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _print_json(data: Any) -> None:
    write_json(data)
