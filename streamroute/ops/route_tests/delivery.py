"""Simulated delivery: encode and decode a message with the codec of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs.builtin import CODEC_NAMES, Codec, codec_named
from streamroute.adapters.codecs.codec_calls import decoded, encoded
from streamroute.compiler.runtime.data_validation import DataValidator
from streamroute.errors import DecodeError
from streamroute.expansion import is_expanding
from streamroute.message import ExpandingMessage

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled


def delivered(compiled: Compiled, message: Mapping[str, Any], stream: str | None) -> Mapping[str, Any]:
    """Return the payload that handlers receive for a message published to ``stream``.

    ``stream=None`` means the only stream, or the only one whose routes take the message's type. Return the
    message itself if the stream is unknown, or its codec is a user's that was not imported. Raises
    EncodeError if the message cannot be encoded, DecodeError if it would be dead-lettered as a whole because
    its data is invalid.
    """
    name = stream if stream is not None else _only_stream(compiled, message.get("type"))
    codec = codec_of(compiled, name) if name is not None else None
    if name is None or codec is None:
        return message
    payload = received(compiled, name, codec, encoded(codec, message))
    return ExpandingMessage(payload) if is_expanding(payload) else payload


def _only_stream(compiled: Compiled, kind: Any) -> str | None:
    routes = (route.config for route in compiled.routes)
    taking = {name for route in routes if kind in route.types for name in route.streams}
    names = list(taking or compiled.document.streams)
    return names[0] if len(names) == 1 else None


def received(compiled: Compiled, stream: str, codec: Codec, fields: dict[bytes, bytes]) -> Mapping[str, Any]:
    """Return the payload of an entry of a stream.

    Raises DecodeError if the entry would be dead-lettered as a whole: it cannot be decoded, or its data is
    invalid.
    """
    payload = decoded(codec, fields)
    reason = DataValidator(compiled.checks(stream), codec).reason(payload, fields)
    if reason is not None:
        raise DecodeError(reason)
    return payload


def codec_of(compiled: Compiled, stream: str) -> Codec | None:
    """Return the codec of a stream; None if there is no such stream or the codec was not imported."""
    configured = compiled.document.streams.get(stream)
    if configured is None:
        return None
    codec = compiled.codecs.get(stream)
    if codec is None and configured.codec in CODEC_NAMES:
        return codec_named(configured.codec)
    return codec
