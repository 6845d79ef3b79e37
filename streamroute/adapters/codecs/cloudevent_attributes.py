"""The attributes of a CloudEvent: validation of their values, and their encoding in fields ``ce-NAME``.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system and
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from streamroute.adapters.codecs.strict_json import short_repr
from streamroute.errors import DecodeError, EncodeError

_PART: Final = r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
_URI: Final = re.compile(rf"{_PART}(?:#{_PART})?")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-5][0-9])"
)
_MINUTE: Final = timedelta(minutes=1)
_A_DAY: Final = 24 * 60  # minutes
_ENDS_OF_PLANES: Final = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_CONTROLS: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef{_ENDS_OF_PLANES}]")
_AS_IT_IS: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def is_uri_reference(text: str) -> bool:
    """Whether the text is a URI or a relative reference. Source: https://www.rfc-editor.org/rfc/rfc3986"""
    if not _URI.fullmatch(text):
        return False
    first, colon, _ = re.split(r"[/?#]", text, maxsplit=1)[0].partition(":")
    return bool(text) and (not colon or _SCHEME.fullmatch(first) is not None)


def is_uri(text: str) -> bool:
    """Whether the text is a URI with a scheme."""
    scheme, colon, rest = text.partition(":")
    return bool(colon and rest) and is_uri_reference(text) and _SCHEME.fullmatch(scheme) is not None


def is_timestamp(text: str) -> bool:
    """Whether the text is a timestamp. Source: https://www.rfc-editor.org/rfc/rfc3339#section-5.6"""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    day, minute, second, zone = match.groups()
    is_leap = second == "60"  # a leap second is the last of a day in UTC; Python does not support it
    try:
        parsed = datetime.fromisoformat(f"{day}T{minute}:{'59' if is_leap else second}{zone.upper()}")
    except ValueError:
        return False
    offset = parsed.utcoffset() or timedelta()
    return not is_leap or (parsed.hour * 60 + parsed.minute - offset // _MINUTE) % _A_DAY == _A_DAY - 1


def _is_text(text: str) -> bool:
    return not _CONTROLS.search(text)


_KINDS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "source": (is_uri_reference, 'a URI or a path such as "/shop"'),
    "dataschema": (is_uri, 'a URI such as "https://example.com/order.json"'),
    "time": (is_timestamp, 'a time of RFC 3339 such as "2024-02-29T10:30:00Z"'),
}


def require_valid(name: str, value: str) -> None:
    """Raise EncodeError if the value is invalid for the attribute."""
    is_valid, expected = _KINDS.get(name, (_is_text, "text without control characters"))
    if not is_valid(value):
        raise EncodeError(
            f'the attribute "{name}" of a CloudEvent is {expected}, and {short_repr(value)} is not'
        )


def to_header(value: str) -> str:
    """Encode an attribute as the value of an HTTP header, which a field ``ce-NAME`` uses too."""
    return quote(value, safe=_AS_IT_IS)


def from_header(name: str, value: str) -> str:
    """Decode the value of a field ``ce-NAME``; raises DecodeError if it is not UTF-8."""
    if (found := _QUOTED.fullmatch(value)) is not None:
        value = _ESCAPED.sub(r"\1", found[1])
    if "%" not in value:
        return value
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise DecodeError(f'the field "ce-{name}" is not UTF-8 where it is percent-encoded') from None
