"""Why an entry is dead-lettered as a whole, without the values that the configuration hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.adapters.codecs.codec_calls import decoded
from streamroute.errors import DecodeError

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.payload_redaction import PayloadRedactor


def shown_decode_error(
    error: DecodeError, redactor: PayloadRedactor, codec: Codec, fields: dict[bytes, bytes]
) -> str:
    """Return the text of an error of ``received``: the entry cannot be decoded, or its data is invalid."""
    if not redactor.is_active:
        return str(error)
    try:
        payload = decoded(codec, fields)
    except DecodeError:
        return redactor.decode_error(str(error))
    return redactor.hidden_in(payload, fields).redact(str(error))
