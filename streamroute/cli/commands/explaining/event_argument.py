"""Reads the event that the arguments of ``explain`` state."""

from __future__ import annotations

import json
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
        return {"type": event_type, **_object(data or "{}", "--data")}
    return _typed(*_read(STDIN if event is None else event))


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


def _typed(text: str, name: str) -> dict[str, Any]:
    message = _object(text, name)
    kind = message.get("type")
    if not isinstance(kind, str) or not kind:
        raise StreamrouteError(f'"type" of {name} must be a string, or the event is dead-lettered as a whole')
    return message


def _object(text: str, name: str) -> dict[str, Any]:
    from streamroute.adapters.codecs.strict_json import read_json

    try:
        value = read_json(text.encode(errors="surrogatepass"))
    except ValueError as error:
        first, _, others = text.strip().partition("\n")
        if others and _is_object(first):
            raise StreamrouteError(f"{name} contains several events; {_ONE_OF_THEM}") from None
        raise StreamrouteError(f"{name} {error}") from None
    if isinstance(value, list) and name != "--data":
        raise StreamrouteError(f"{name} is a list; {_ONE_OF_A_LIST}")
    if not isinstance(value, dict):
        raise StreamrouteError(f"{name} must be a JSON object")
    return value


_ONE_OF_THEM: Final = "explain one, such as the first: head -n 1 FILE | streamroute explain -"
_ONE_OF_A_LIST: Final = "explain one event, such as the first: jq '.[0]' FILE | streamroute explain -"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
