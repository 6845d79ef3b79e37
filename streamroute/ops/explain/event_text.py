"""Reads the text of one event, as people paste it."""

from __future__ import annotations

from typing import Any

from streamroute.adapters.codecs.strict_json import read_json
from streamroute.errors import StreamrouteError
from streamroute.text.bounded_json import loads_bounded


def read_event(text: str, name: str, *, first_line: str = "", first_item: str = "") -> dict[str, Any]:
    """Return the event, a JSON object with a type; ``name`` is that of the text in messages.

    ``first_line`` and ``first_item`` say how to explain one of several events, or one of a list.
    Raises StreamrouteError for anything else.
    """
    message = read_object(text, name, first_line=first_line, first_item=first_item)
    kind = message.get("type")
    if not isinstance(kind, str) or not kind:
        raise StreamrouteError(f'"type" of {name} must be a string, or the event is dead-lettered as a whole')
    return message


def read_object(text: str, name: str, *, first_line: str = "", first_item: str = "") -> dict[str, Any]:
    """Return a JSON object; see ``read_event``."""
    try:
        value = read_json(text.encode(errors="surrogatepass"))
    except ValueError as error:
        first, _, others = text.strip().partition("\n")
        if others and _is_object(first):
            raise StreamrouteError(f"{name} contains several events; explain one{first_line}") from None
        raise StreamrouteError(f"{name} {error}") from None
    if isinstance(value, list) and first_item:
        raise StreamrouteError(f"{name} is a list; explain one event{first_item}")
    if not isinstance(value, dict):
        raise StreamrouteError(f"{name} must be a JSON object")
    return value


def _is_object(text: str) -> bool:
    try:
        return isinstance(loads_bounded(text), dict)
    except (ValueError, RecursionError):
        return False
