"""Packs raw fields into one value: a retry keeps its entry byte for byte.

Each name and value is stored as its length (four bytes, big-endian), then its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from streamroute.errors import DecodeError

_LENGTH: Final = struct.Struct(">I")


def pack_fields(fields: Mapping[bytes, bytes]) -> bytes:
    """Pack fields into one value: the inverse of ``unpack_fields``."""
    parts = [part for field in fields.items() for part in field]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def unpack_fields(packed: bytes) -> dict[bytes, bytes]:
    """Unpack the result of ``pack_fields``; raises DecodeError for any other value."""
    parts: list[bytes] = []
    position = 0
    while position < len(packed):
        try:
            (length,) = _LENGTH.unpack_from(packed, position)
        except struct.error:
            raise DecodeError("the stored fields of a retry are damaged") from None
        position += _LENGTH.size
        parts.append(packed[position : position + length])
        if len(parts[-1]) != length:
            raise DecodeError("the stored fields of a retry are damaged")
        position += length
    if len(parts) % 2:
        raise DecodeError("the stored fields of a retry are damaged")
    return dict(zip(parts[::2], parts[1::2], strict=True))
