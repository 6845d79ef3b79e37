"""Validates entries: an entry with invalid data is dead-lettered before any route runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.codecs.codec_calls import optional_decoder
from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.errors import DecodeError
from streamroute.message import Message

Check = Callable[[Any], str | None]
"""Returns why data is invalid, or None if it is valid."""


Separate = Callable[[dict[bytes, bytes]], tuple[Any, Any]]
"""The optional method ``separate`` of a codec: returns an entry's data without its envelope, and the payload.

The payload is that of ``decode``. Raises DecodeError as ``decode`` does.
"""


class ValidatingCodec:
    """Wraps a codec, and refuses to decode an entry whose data is invalid.

    ``checks`` has a check for each validated type; entries of other types are not validated.
    """

    def __init__(self, codec: Codec, checks: Mapping[str, Check]) -> None:
        self._codec = codec
        self._checks = checks
        self.is_linear = all(getattr(check, "is_linear", True) for check in checks.values())
        """Whether the time of every check is linear in the size of the data."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Return the payload; raises DecodeError for invalid data, with the reason."""
        data, payload = separated(self._codec, fields)
        kind = payload.get("type") if isinstance(payload, Mapping) else None
        check = self._checks.get(kind) if isinstance(kind, str) else None
        wrong = check(data) if check is not None else None
        if wrong is not None:
            raise DecodeError(f"the data is invalid: {wrong}")
        decoded: dict[str, Any] = payload
        return decoded

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Encode as the wrapped codec does; outgoing events are validated by their consumers."""
        return self._codec.encode(payload)


def separated(codec: Codec, fields: dict[bytes, bytes]) -> tuple[Any, Any]:
    """Return the data of an entry, and its payload.

    If the codec has no method ``separate``, the data is the payload without ``type``. A user's codec may
    return any object; the caller refuses one that is not a payload.
    """
    separate: Separate | None = optional_decoder(codec, "separate")
    if separate is not None:
        return separate(fields)
    payload = codec.decode(fields)
    return _without_type(payload), payload


def data_of(payload: Mapping[str, Any], codec: Codec) -> Any:
    """Return the data of a decoded message; for a plain dict, everything but its ``type``."""
    if isinstance(payload, Message) and payload.fields:
        try:
            return _without_taken(separated(codec, dict(payload.fields))[0], payload)
        except DecodeError:
            # Another codec than the configured one decoded it: only the payload is available.
            return _without_type(payload)
    return _without_type(payload)


def _without_type(payload: Any) -> Any:
    if not isinstance(payload, Mapping):
        return payload
    return {key: value for key, value in payload.items() if key != "type"}


def _without_taken(data: Any, payload: Mapping[str, Any]) -> Any:
    """Remove the retry marker from the data, as the dispatcher removed it from the payload."""
    if isinstance(data, Mapping) and MARKER in data and MARKER not in payload:
        return {key: value for key, value in data.items() if key != MARKER}
    return data
