"""A message of a tail as text: one line, and with it what its routes do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.output.streams import printable
from streamroute.expressions.explain.trace_explanation import as_text
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr
from streamroute.text.truncation import clip, ellipsize

if TYPE_CHECKING:
    from streamroute.ops.tail.records import MessageView, OutcomeView, RouteView, TailRecord

_PAYLOAD: Final = 500  # characters, if the width of the terminal is unknown
_LEAST: Final = 40  # characters of a payload, however narrow the terminal
_LARGE: Final = 65_536  # bytes of an entry
_ENDLESS: Final = 100_000_000
_COLORS: Final = {"succeeded": "green", "dead": "red", "failed": "red", "retried": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLayout:
    """``width`` is that of the terminal (None: unknown); ``full``: cut nothing; ``now`` in seconds."""

    width: int | None
    full: bool
    color: bool
    now: float

    def room(self, used: int) -> int:
        """Return the characters that a payload may take after ``used`` ones of its line."""
        if self.full:
            return _ENDLESS
        return _PAYLOAD if self.width is None else max(_LEAST, self.width - used - 1)


def text_record(record: TailRecord, layout: TextLayout) -> str:
    """Render a record, without a final line break."""
    return "\n".join(_lines(record, layout))


def _lines(record: TailRecord, layout: TextLayout) -> Iterator[str]:
    message, outcome = record.message, record.outcome
    head = printable(_head(message, outcome, layout))
    what = printable(_outcome(outcome) if outcome is not None else _routes(message))
    body = printable(_body(message, layout.room(len(head) + len(what) + 4)))
    paint = _COLORS.get(outcome.result) if outcome is not None and layout.color else None
    yield "  ".join(part for part in (head, click.style(what, fg=paint) if paint else what, body) if part)
    for route in message.routes:
        yield from map(printable, _detail(route, layout))


def _head(message: MessageView, outcome: OutcomeView | None, layout: TextLayout) -> str:
    at = clock(message.time if outcome is None else outcome.time, layout.now)
    return f"{at}  {message.stream} {message.id}  {clip(message.kind, NAME) or '(no type)'}"


def _routes(message: MessageView) -> str:
    names = [
        route.name if route.runs else f"{route.name} (fails)"
        for route in message.routes
        if route.runs or route.verdict == "failed"
    ]
    return f"-> {', '.join(names)}" if names else ""


def _outcome(outcome: OutcomeView) -> str:
    attempt = f" (attempt {outcome.attempt})" if outcome.attempt > 1 else ""
    route = "" if outcome.route is None else f"{clip(outcome.route, NAME)} "
    error = (
        f": {ellipsize(outcome.error or outcome.error_class, NAME)}"
        if outcome.error or outcome.error_class
        else ""
    )
    return f"{route}{outcome.result}{attempt}{error}"


def _body(message: MessageView, room: int) -> str:
    if message.payload is None:
        return f"({message.problem})" if message.problem else ""
    note = f"({message.problem}) " if message.problem else ""
    payload = {name: value for name, value in message.payload.items() if name != "type"}
    if message.size > _LARGE and room < message.size:
        return note + safe_repr(payload, room)  # it stops early, where JSON would be written in full
    return note + as_text(payload, room)


def _detail(route: RouteView, layout: TextLayout) -> Iterator[str]:
    """Yield why a route does not match, and what its handler receives, if that was asked for."""
    if route.reasons:
        yield f"    {route.name} {route.phrase}: {'; '.join(route.reasons)}"
    if route.received is not None:
        start = f"    {route.name} receives "
        yield start + as_text(route.received, layout.room(len(start)))
    elif route.problem:
        yield f"    {route.name}: {route.problem}"


def clock(seconds: float, now: float) -> str:
    """Format a time in UTC: of today, only the time of day."""
    try:
        time, today = datetime.fromtimestamp(seconds, UTC), datetime.fromtimestamp(now, UTC).date()
    except (ValueError, OverflowError, OSError):
        return "(no time)"
    text = time.strftime("%H:%M:%S.") + f"{time.microsecond // 1000:03d}"
    return text if time.date() == today else f"{time.date().isoformat()} {text}"
