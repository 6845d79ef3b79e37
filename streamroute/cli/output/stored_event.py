"""The output of ``streamroute explain --id``: the entry, or the dead letter that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.cli.output.streams import printable
from streamroute.text.limits import NAME, REASON
from streamroute.text.times import time_text
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.ops.explain.stored_event import StoredEvent


def event_line(event: StoredEvent) -> str:
    """Return a line about the entry, or about the failure that its dead letter recorded."""
    if event.letter is None:
        return printable(f"entry {event.id} of {event.stream}")
    return printable(f"dead letter {event.id} of {event.stream}, {_failure(event.letter)}")


def _failure(letter: DeadRecord) -> str:
    route = clip(letter.route or "(no route)", NAME)
    config = f", generation {clip(letter.generation, NAME)}" if letter.generation else ""
    at = f" at {time_text(letter.time)}" if letter.time else ""
    reason = clip(letter.reason, REASON)
    return f"entry {clip(letter.id, NAME)}: attempt {letter.attempt} of {route}{at}{config}: {reason}"


def event_data(event: StoredEvent) -> dict[str, Any]:
    """Return the entry, and the failure that its dead letter recorded, as an object for JSON."""
    return {"stream": event.stream, "id": event.id, "dead_letter": _letter_data(event.letter)}


def _letter_data(letter: DeadRecord | None) -> dict[str, Any] | None:
    names = ("group", "route", "routes", "reason", "error", "attempt", "deliveries", "generation", "time")
    return None if letter is None else {"entry": letter.id, **{name: getattr(letter, name) for name in names}}
