"""The output of ``streamroute dead``, as text or JSON."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.entries.original_fields import unpack_original
from streamroute.cli.output.streams import echo, printable, write_json
from streamroute.cli.output.table import table
from streamroute.cli.output.times import time_text
from streamroute.errors import DecodeError
from streamroute.ops.dead_letters.summary import DeadLetterSummary
from streamroute.text.counted import pluralize
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.ops.dead_letters.actions import ActionResult
    from streamroute.ops.dead_letters.letter import StreamLetter
    from streamroute.values import Failure

_LONGEST_CELL: Final = 60
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
        _print_json(_letter_data(letter, full=True))
        return
    key, old = printable(letter.dead_letter_stream.key), age(now - letter.stored.at)
    echo(f"dead letter {letter.stored.id} in {key}, {old} old")
    record = letter.record
    if record is None:
        echo(f"  {letter.reason}")
        return
    _print_pairs("", _facts(record))
    _print_pairs(
        "fields", {_decode_bytes(name): _decode_bytes(value) for name, value in record.fields.items()}
    )
    if record.history:
        echo("\nhistory")
        for failure in record.history:
            echo(f"  {_failure(failure)}")
            for name, value in ((failure.original and _original(failure.original)) or {}).items():
                echo(f"    {printable(name)} was {printable(ellipsize(str(value), _LONGEST_VALUE))}")
    if record.traceback:
        echo("\ntraceback")
        for line in record.traceback.rstrip().splitlines():
            echo(f"  {printable(line)}")


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
    rows = []
    for (stream, route, reason), group in listing.summary.rows():
        ages = age(now - group.oldest), age(now - group.newest)
        rows.append((stream, route, _cut(reason), group.count, *ages))
    return table(("stream", "route", "reason", "count", "oldest", "newest"), rows)


def _newest(listing: Listing, now: int) -> str:
    rows = [
        (
            letter.stored.id, age(now - letter.stored.at), letter.stream, letter.route,
            _cut(letter.type), _cut(letter.error or letter.reason),
        )
        for letter in listing.newest()
    ]  # fmt: skip
    return table(("id", "age", "stream", "route", "type", "error"), rows)


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


def _print_pairs(title: str, pairs: Mapping[str, str]) -> None:
    if title:
        echo(f"\n{title}")
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        echo(f"  {printable(name):<{width}}  {printable(value)}")


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
    letters = [_letter_data(letter, full=False) for letter in listing.newest()]
    return {"total": listing.summary.total, "groups": groups, "letters": letters}


def _letter_data(letter: StreamLetter, *, full: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": letter.stored.id,
        "at": letter.stored.at,
        "dead_letter": letter.dead_letter_stream.key,
    }
    record = letter.record
    if record is None:
        return {**data, "unreadable": True}
    names = ("stream", "group", "route", "routes", "reason", "error", "attempt", "deliveries", "generation")
    data |= {"entry": record.id, "type": letter.type, **{name: getattr(record, name) for name in names}}
    data |= {"signature": letter.signature, "error_class": letter.error_class, "frame": record.frame}
    if full:
        data["time"], data["trace"], data["traceback"] = record.time, record.trace, record.traceback
        data["history"] = [_failure_data(failure) for failure in record.history]
        data["fields"] = {_decode_bytes(name): _value(value) for name, value in record.fields.items()}
    return data


def _failure_data(failure: Failure) -> dict[str, Any]:
    """Return a failure; the original fields, if the message was edited then, as an object."""
    data = asdict(failure)
    original = data.pop("original")
    return {**data, "original": _original(original)} if original else data


def _original(packed: str) -> dict[str, Any] | None:
    """Return the original fields of an edited message; None if they are hidden or damaged."""
    try:
        return {_decode_bytes(name): _value(value) for name, value in unpack_original(packed).items()}
    except DecodeError:
        return None


def _value(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _decode_bytes(value: bytes) -> str:
    text = value[: 4 * _LONGEST_VALUE].decode(errors="backslashreplace")
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}... ({len(value)} bytes)"


def _cut(text: str) -> str:
    return ellipsize(printable(" ".join(text.split())), _LONGEST_CELL)


def _print_json(data: Any) -> None:
    write_json(data)
