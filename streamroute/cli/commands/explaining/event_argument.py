"""Reads the event that the arguments of ``explain`` state."""

from __future__ import annotations

from typing import Any, Final

import click

from streamroute.cli.arguments.event_files import STDIN, display_name, read_events
from streamroute.config.paths import MISSING, file_problem
from streamroute.errors import StreamrouteError
from streamroute.text.truncation import clip


def event_message(event: str | None, event_type: str | None, data: str | None) -> dict[str, Any]:
    """Return the message that the arguments state.

    Raises click.UsageError for arguments that exclude each other, StreamrouteError for an unusable event.
    """
    if event is not None and event_type is not None:
        raise click.UsageError("EVENT and --type exclude each other")
    if event is None and event_type is None:
        raise click.UsageError("pass EVENT or --type")
    if data is not None and event_type is None:
        raise click.UsageError("--data requires --type")
    if event_type is not None:
        from streamroute.ops.explain.event_text import read_object

        return {"type": event_type, **read_object(data or "{}", "--data", first_line=_FIRST_LINE)}
    from streamroute.ops.explain.event_text import read_event

    text, name = _read(STDIN if event is None else event)
    return read_event(text, name, first_line=_FIRST_LINE, first_item=_FIRST_ITEM)


def _read(event: str) -> tuple[str, str]:
    """Return the event's text, and its name for messages."""
    if event.lstrip().startswith("{"):
        return event, "EVENT"
    if event not in {STDIN, ""} and file_problem(event) == MISSING:
        raise click.UsageError(f"EVENT is neither JSON nor a file: {clip(event, 80)}: No such file")
    name = display_name(event)
    try:
        return read_events(event).decode("utf-8-sig"), name
    except UnicodeDecodeError:
        raise StreamrouteError(f"{name} is not UTF-8 text") from None


_FIRST_LINE: Final = ", such as the first: head -n 1 FILE | streamroute explain -"
_FIRST_ITEM: Final = ", such as the first: jq '.[0]' FILE | streamroute explain -"
