"""The data of a message: its payload without the envelope. A schema describes the data alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.codecs.codec_calls import optional_decoder
from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.errors import DecodeError

DataReader = Callable[[Mapping[str, Any], Mapping[bytes, bytes]], Any]
"""Returns the data of a payload, given the fields of its entry (none for an event that is not an entry)."""


def data_reader(codec: Codec) -> DataReader:
    """Return the data reader of a codec.

    A codec whose envelope is more than ``type`` has a method ``data_of`` (see ``JsonCodec.data_of``). With
    any other codec, the data is the payload without ``type``.
    """
    read: DataReader | None = optional_decoder(codec, "data_of")
    if read is None:
        return _payload_without_type

    def data_of(payload: Mapping[str, Any], fields: Mapping[bytes, bytes]) -> Any:
        if not fields:
            return without_type(payload)
        try:
            return _without_taken_marker(read(payload, fields), payload)
        except DecodeError:
            # Another codec than the configured one decoded it: only the payload is available.
            return without_type(payload)

    return data_of


def without_type(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload without its ``type``."""
    data = dict(payload)
    data.pop("type", None)
    return data


def _payload_without_type(payload: Mapping[str, Any], _fields: Mapping[bytes, bytes]) -> Any:
    return without_type(payload)


def _without_taken_marker(data: Any, payload: Mapping[str, Any]) -> Any:
    """Remove the retry marker from the data if the dispatcher removed it from the payload."""
    if isinstance(data, Mapping) and MARKER in data and MARKER not in payload:
        return {key: value for key, value in data.items() if key != MARKER}
    return data
