"""Expressions that differ in their literals only, and of which the checker says the same.

A configuration of thousands of routes holds a few dozen outlines: one that nothing is wrong with need not
be looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any, Final

from streamroute.expressions.types.json_types import KINDS
from streamroute.expressions.types.phrases import is_numeric

_LITERAL: Final = re.compile(
    r"""
      (?P<string> ' [^'\\]* ' )
    | (?P<number> ` [1-9][0-9]{0,9} ` )
    | ' (?: [^'\\] | \\. )*+ '? | ` (?: [^`\\] | \\. )*+ `? | " (?: [^"\\] | \\. )*+ "?
    """,
    re.VERBOSE | re.DOTALL,
)
_SPECIAL_STRINGS: Final = frozenset(f"'{word}'" for word in ("", "true", "false", *KINDS))
"""Strings that the checker does not take for any other: the empty one, a truth value in quotes, and what
``type()`` gives."""
_PLAIN_LITERALS: Final = frozenset(("`0`", "`true`", "`false`", "`null`", "`[]`", "`{}`"))

_MOST: Final = 4096


def literals_in(schema: Any) -> Iterator[str]:
    """Every string and number that a schema holds, as an expression writes it."""
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, str):
            yield f"'{value}'"
        elif isinstance(value, (int, float)) and value == value // 1:
            yield f"`{int(value)}`"


class CleanSkeletons:
    """The outlines that were found clean."""

    def __init__(self) -> None:
        self._clean: set[str] = set()

    def is_clean(self, skeleton: str) -> bool:
        """Whether nothing was found wrong with another expression of this outline."""
        return skeleton in self._clean

    def add(self, skeleton: str) -> None:
        """Remember an outline that nothing is wrong with."""
        if len(self._clean) >= _MOST:
            self._clean.clear()
        self._clean.add(skeleton)


def skeleton_of(expression: str, keep: Container[str] = ()) -> str | None:
    """The expression with a number for each of its strings and natural numbers, equal ones alike.

    Literals in ``keep`` stay as they are. None if the expression holds literals that may equal one another
    in some other way, such as `1` and `1.0`.
    """
    if "`" in expression and '"' in expression:
        return None
    places: dict[str, int] = {}
    is_plain = True

    def place(found: re.Match[str]) -> str:
        nonlocal is_plain
        text = found[0]
        if found.lastgroup is None:
            is_plain = is_plain and text in _PLAIN_LITERALS
            return text
        if text in _SPECIAL_STRINGS or text in keep or (text[0] == "'" and is_numeric(text[1:-1])):
            return text
        return f"{text[0]}{places.setdefault(text, len(places))}{text[0]}"

    skeleton = _LITERAL.sub(place, expression)
    return skeleton if is_plain else None
