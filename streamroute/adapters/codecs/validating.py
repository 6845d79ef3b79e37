"""Validating what comes in: an entry whose data is invalid is dead-lettered before any route sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.codecs.codec_calls import optional_decoder
from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.errors import DecodeError
from streamroute.message import Message

Check = Callable[[Any], str | None]
"""Says why data is invalid; None where it is valid."""


Separate = Callable[[dict[bytes, bytes]], tuple[Any, Any]]
"""Capability ``separate`` of a codec: the data of an entry apart from the envelope around it.

It gives the data alone, and the payload as ``decode`` gives it; raises DecodeError as that does.
"""


class ValidatingCodec:
    """Another codec, which refuses to decode an entry whose data is invalid.

    ``checks`` are by type; a type without one passes.
    """

    def __init__(self, codec: Codec, checks: Mapping[str, Check]) -> None:
        self._codec = codec
        self._checks = checks
        self.is_linear = all(getattr(check, "is_linear", True) for check in checks.values())
        """Whether no check takes longer than it took to read the data, by more than a factor."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """The payload. Raises DecodeError for invalid data, with what is wrong with it."""
        data, payload = separated(self._codec, fields)
        kind = payload.get("type") if isinstance(payload, Mapping) else None
        check = self._checks.get(kind) if isinstance(kind, str) else None
        wrong = check(data) if check is not None else None
        if wrong is not None:
            raise DecodeError(f"the data is invalid: {wrong}")
        decoded: dict[str, Any] = payload
        return decoded

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """As the other codec does; what goes out is validated where it comes in."""
        return self._codec.encode(payload)


def separated(codec: Codec, fields: dict[bytes, bytes]) -> tuple[Any, Any]:
    """The data of an entry, and its payload; of a codec that cannot tell, the data is all but ``type``.

    A codec of the user's may return anything; whoever reads the entry refuses what is no payload.
    """
    separate: Separate | None = optional_decoder(codec, "separate")
    if separate is not None:
        return separate(fields)
    payload = codec.decode(fields)
    return _without_type(payload), payload


def data_of(payload: Mapping[str, Any], codec: Codec) -> Any:
    """The data of a message that was read before; of a plain dict, all but its ``type``."""
    if isinstance(payload, Message) and payload.fields:
        try:
            return _without_taken(separated(codec, dict(payload.fields))[0], payload)
        except DecodeError:
            # It was read by another codec than the configuration names: what it made is all there is.
            return _without_type(payload)
    return _without_type(payload)


def _without_type(payload: Any) -> Any:
    if not isinstance(payload, Mapping):
        return payload
    return {key: value for key, value in payload.items() if key != "type"}


def _without_taken(data: Any, payload: Mapping[str, Any]) -> Any:
    """The data without the marker of a retry, which the dispatcher has taken out of the payload."""
    if isinstance(data, Mapping) and MARKER in data and MARKER not in payload:
        return {key: value for key, value in data.items() if key != MARKER}
    return data
