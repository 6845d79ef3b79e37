"""Reads and writes the fields of an entry, with the error messages that all codecs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.codecs.strict_json import read_json, short_repr, write_json
from streamroute.errors import DecodeError, EncodeError
from streamroute.text.kinds import describe_kind
from streamroute.text.limits import NAME
from streamroute.text.quoted_names import quoted_name
from streamroute.text.safe_text import safe_repr, safe_str

if TYPE_CHECKING:
    from collections.abc import Mapping
from collections.abc import Mapping

MARKER: Final = "_streamroute"
"""The reserved key: in a payload, it identifies the group and routes of a retry."""

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the names and values of one entry; a larger entry is refused before decoding."""


def check_size(fields: Mapping[bytes, bytes], max_bytes: int) -> None:
    """Raise DecodeError for an entry without fields, or with more than ``max_bytes`` bytes."""
    if not fields:
        raise DecodeError("the entry has no fields")
    size = sum(map(len, fields.values())) + sum(map(len, fields))
    if size > max_bytes:
        raise DecodeError(f"the entry has {size:,} bytes; at most {max_bytes:,} are decoded")


def decode_strings(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Decode names and values; raises DecodeError for bytes that are not UTF-8."""
    try:
        return {name.decode(): value.decode() for name, value in fields.items()}
    except UnicodeDecodeError:
        raise DecodeError(not_utf8(fields)) from None


def not_utf8(fields: Mapping[bytes, bytes]) -> str:
    """Return a message that names the field that is not UTF-8."""
    for name, value in fields.items():
        if not _is_utf8(name):
            return f"the name of a field is not UTF-8: {short_repr(name)}"
        if name != b"data" and not _is_utf8(value):
            return f"the field {quoted(name)} is not UTF-8: {short_repr(value)}"
    return f'the field "data" is not UTF-8: {short_repr(fields[b"data"])}'


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def quoted(name: bytes) -> str:
    """Quote the name of a field for a message."""
    return f'"{short_repr(name.decode())[1:-1]}"'


def read_object(data: bytes, name: str = "data") -> dict[str, Any]:
    """Parse the JSON object in ``data``, the field ``name``; raises DecodeError for anything else."""
    try:
        value = read_json(data)
    except ValueError as error:
        raise DecodeError(f'the field "{name}" {error}') from None
    if type(value) is not dict:
        raise DecodeError(
            f'the field "{name}" holds {describe_kind(value)}, not a JSON object: {short_repr(data)}'
        )
    return value


def event_type(payload: Mapping[str, Any]) -> str:
    """Return the type of an event; raises EncodeError if it is missing, or if a key is not a string."""
    message_type = payload.get("type")
    if not isinstance(message_type, str) or not message_type:
        raise EncodeError('an event needs a "type", a string that is not empty')
    for key in payload:
        if not isinstance(key, str):
            raise EncodeError(f"the keys of an event are strings, and {safe_repr(key, NAME)} is not one")
    return message_type


def utf8(name: str, text: str) -> bytes:
    """Encode a text as UTF-8; raises EncodeError for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EncodeError(f"{short_repr(name)} holds half of a surrogate pair: {short_repr(text)}") from None


def json_bytes(name: str, value: Any) -> bytes:
    """Encode a value as JSON; raises EncodeError for a value that JSON cannot represent."""
    try:
        return write_json(value)
    except (TypeError, ValueError) as error:
        raise EncodeError(f"{quoted_name(name)} cannot be written as JSON: {safe_str(error)}") from None


def checked_fields(fields: dict[bytes, bytes], max_bytes: int) -> dict[bytes, bytes]:
    """Return the fields unchanged; raises EncodeError if they are too large to be decoded again."""
    size = sum(map(len, fields.values())) + sum(map(len, fields))
    if size > max_bytes:
        raise EncodeError(f"the event has {size:,} bytes; at most {max_bytes:,} can be read again")
    return fields
