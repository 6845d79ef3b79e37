"""The original fields of an edited message, as a text in its history."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Final

from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields
from streamroute.errors import DecodeError

_MAX_BYTES: Final = 512 * 1024 * 1024  # of an entry; a damaged text must not unpack to more


def pack_original(fields: Mapping[bytes, bytes]) -> str:
    """Return the fields as one compressed text."""
    return base64.b64encode(zlib.compress(pack_fields(fields))).decode()


def unpack_original(packed: str) -> dict[bytes, bytes]:
    """Return the fields from the result of ``pack_original``; raises DecodeError for any other text."""
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), _MAX_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise DecodeError("the original fields of an edited message are damaged") from None
    return unpack_fields(unpacked)
