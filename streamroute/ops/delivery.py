"""Messages as they would be delivered: through the codec of their stream, there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs import CODEC_NAMES, codec_named

if TYPE_CHECKING:
    from streamroute.config.document import Document


def delivered(document: Document, message: Mapping[str, Any], stream: str | None) -> Mapping[str, Any]:
    """The payload that comes of a message which is published to ``stream``; None means the only one.

    With a codec of the user's, or where the stream is not known, the message itself: nothing of the
    user's runs. Raises EncodeError or DecodeError for a message that the stream cannot carry.
    """
    name = stream if stream is not None else _only(document)
    configured = document.streams.get(name or "")
    if configured is None or configured.codec not in CODEC_NAMES:
        return message
    codec = codec_named(configured.codec)
    return codec.decode(codec.encode(message))


def _only(document: Document) -> str | None:
    names = list(document.streams)
    return names[0] if len(names) == 1 else None
