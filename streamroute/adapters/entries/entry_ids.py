"""The ids of stream entries: two unsigned numbers of 64 bits, in order."""

from __future__ import annotations

from typing import Final

Position = tuple[int, int]

_LONGEST: Final = 20  # digits of 64 bits


def parse_id(entry_id: str) -> Position:
    """Return ``1700000000000-3`` as numbers that compare as the server compares ids; raises ValueError."""
    milliseconds, dash, sequence = entry_id.partition("-")
    return _number(milliseconds), _number(sequence if dash else "0")


def format_id(position: Position) -> str:
    """The inverse of ``parse_id``."""
    return f"{position[0]}-{position[1]}"


def previous_id(entry_id: str) -> str:
    """The highest id below this one; ``0-0`` for itself."""
    milliseconds, sequence = parse_id(entry_id)
    if sequence:
        return format_id((milliseconds, sequence - 1))
    return format_id((milliseconds - 1, 2**64 - 1)) if milliseconds else entry_id


def _number(digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST and int(digits) < 2**64):
        raise ValueError(f"{digits[:_LONGEST]!r} is not part of an entry's id")
    return int(digits)
