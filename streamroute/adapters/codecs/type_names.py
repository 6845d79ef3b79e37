"""Decoded event types, by their raw bytes: a stream has few types, and many entries of each."""

from __future__ import annotations

from typing import Final

from streamroute.text.limits import NAME

MAX_TYPE_BYTES: Final = NAME
_MOST: Final = 1000  # types to remember


class LongTypeError(ValueError):
    """Raised for a type of more than ``MAX_TYPE_BYTES`` bytes."""


class TypeNames(dict[bytes, str]):
    """The type of an entry, by its raw bytes; decoded on first access, and remembered for up to 1,000 types.

    Raises UnicodeDecodeError for a type that is not UTF-8, and LongTypeError, both of which are ValueErrors.
    """

    def __missing__(self, raw: bytes) -> str:
        """Decode a type."""
        if len(raw) > MAX_TYPE_BYTES:
            raise LongTypeError
        name = raw.decode()
        if len(self) < _MOST:
            self[raw] = name
        return name
