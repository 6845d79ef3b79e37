"""The ids of stream entries: two unsigned 64-bit numbers."""

from __future__ import annotations

from typing import Final

Position = tuple[int, int]

_MAX_DIGITS: Final = 20  # digits of 64 bits


def parse_id(entry_id: str) -> Position:
    """Parse an id such as ``1700000000000-3``; positions sort as on the server. Raises ValueError."""
    milliseconds, dash, sequence = entry_id.partition("-")
    return _number(milliseconds), _number(sequence if dash else "0")


def format_id(position: Position) -> str:
    """Format a position as an id: the inverse of ``parse_id``."""
    return f"{position[0]}-{position[1]}"


def previous_id(entry_id: str) -> str:
    """Return the highest id below this one; for ``0-0``, the id itself."""
    milliseconds, sequence = parse_id(entry_id)
    if sequence:
        return format_id((milliseconds, sequence - 1))
    return format_id((milliseconds - 1, 2**64 - 1)) if milliseconds else entry_id


def _number(digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS and int(digits) < 2**64):
        raise ValueError(f"{digits[:_MAX_DIGITS]!r} is not part of an entry's id")
    return int(digits)
