"""Dead letters as objects for JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.entries.original_fields import unpack_original
from streamroute.errors import DecodeError

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.letter import StreamLetter
    from streamroute.values import Failure

_LONGEST_VALUE: Final = 2000


def letter_object(letter: StreamLetter, *, full: bool) -> dict[str, Any]:
    """Return a letter as people may see it (see ``StreamLetter.shown``); ``full``: with its message."""
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
        data["fields"] = fields_object(record.fields)
    return data


def _failure_data(failure: Failure) -> dict[str, Any]:
    """Return a failure; the original fields, if the message was edited then, as an object."""
    data = asdict(failure)
    original = data.pop("original")
    return {**data, "original": original_fields(original)} if original else data


def original_fields(packed: str) -> dict[str, Any] | None:
    """Return the original fields of an edited message; None if they are hidden or damaged."""
    try:
        return fields_object(unpack_original(packed))
    except DecodeError:
        return None


def fields_object(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the raw fields of an entry; a value that is not UTF-8 is an object with its base64."""
    return {field_text(name): _value(value) for name, value in fields.items()}


def _value(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def field_text(value: bytes) -> str:
    """Return the name or value of a field as text; a long one is cut."""
    text = value[: 4 * _LONGEST_VALUE].decode(errors="backslashreplace")
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}... ({len(value)} bytes)"
