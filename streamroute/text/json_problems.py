"""Describe errors in a JSON text by line and column."""

from __future__ import annotations

import json
import re
import sys
from typing import Final

from streamroute.text.lazy_pattern import lazy_pattern

_STRING: Final = r'"(?:[^"\\]|\\.)*+"?'
_BRACKETS: Final = lazy_pattern(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_WHOLE_NUMBERS: Final = lazy_pattern(rf"{_STRING}|[0-9]++(?![.eE])", re.DOTALL)
MAX_DEPTH: Final = 200
"""Levels of lists and objects; parsers that fail on depth fail at a deeper level."""


def nesting_offset(text: str, levels: int) -> int | None:
    """Return the offset at which a text exceeds ``levels`` of nesting, or None."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > levels:
                return token.start()
        elif token[0] in "]}":
            depth -= 1
    return None


def describe_json_error(text: str, error: ValueError | RecursionError) -> str:
    """Describe an error in parsing a text, as a phrase that follows the text's name."""
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg} at {position_text(text, error.pos)}"
    if isinstance(error, RecursionError):
        at = nesting_offset(text, MAX_DEPTH) or 0
        return f"is nested deeper than {MAX_DEPTH} levels, at {position_text(text, at)}"
    number = long_number(text)
    if number is None:
        return f"is not JSON: {error}"
    return f"holds {long_number_message(number)} at {position_text(text, number.start())}"


def long_number(text: str) -> re.Match[str] | None:
    """Return the first integer with more digits than Python parses, or None."""
    limit = sys.get_int_max_str_digits()
    numbers = (token for token in _WHOLE_NUMBERS.finditer(text) if token[0][0] != '"')
    return next((number for number in numbers if 0 < limit < len(number[0])), None)


def long_number_message(number: re.Match[str]) -> str:
    """Describe a number that is too long."""
    return f"a number of {len(number[0]):,} digits, and at most {sys.get_int_max_str_digits():,} are read,"


def position_text(text: str, at: int) -> str:
    """Describe a position; for a text of one line, without a line number."""
    line = text.count("\n", 0, at) + 1
    if "\n" not in text.rstrip():
        return f"character {at + 1}"
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"
