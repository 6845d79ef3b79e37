"""Skeletons: expressions without their literals, so that equal ones are checked once.

A configuration with thousands of routes has a few dozen skeletons; one without problems is not checked again.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any, Final

from streamroute.expressions.types.phrases import is_numeric
from streamroute.text.kinds import KINDS

_LITERAL: Final = re.compile(
    r"""
      (?P<string> ' [^'\\]* ' )
    | (?P<number> ` [1-9][0-9]{0,9} ` )
    | ' (?: [^'\\] | \\. )*+ '? | ` (?: [^`\\] | \\. )*+ `? | " (?: [^"\\] | \\. )*+ "?
    """,
    re.VERBOSE | re.DOTALL,
)
_SPECIAL_STRINGS: Final = frozenset(f"'{word}'" for word in ("", "true", "false", *KINDS))
"""Strings with a meaning for the checks: the empty string, booleans in quotes, and results of ``type()``."""
_PLAIN_LITERALS: Final = frozenset(("`0`", "`true`", "`false`", "`null`", "`[]`", "`{}`"))

_MAX_SKELETONS: Final = 4096


def literals_in(schema: Any) -> Iterator[str]:
    """Yield every string and number in a schema as a JMESPath literal."""
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
    """A cache of skeletons without problems."""

    def __init__(self) -> None:
        self._clean: set[str] = set()

    def is_clean(self, skeleton: str) -> bool:
        """Whether an expression with this skeleton had no problems."""
        return skeleton in self._clean

    def add(self, skeleton: str) -> None:
        """Remember a skeleton without problems."""
        if len(self._clean) >= _MAX_SKELETONS:
            self._clean.clear()
        self._clean.add(skeleton)


def skeleton_of(expression: str, keep: Container[str] = ()) -> str | None:
    """Replace each string and natural number by a placeholder, the same for equal literals.

    Literals in ``keep`` are kept. None if the expression has literals that may be equal in another way, such
    as `1` and `1.0`.
    """
    if "`" in expression and '"' in expression:
        return None
    numbers: dict[str, int] = {}
    is_plain = True

    def placeholder(match: re.Match[str]) -> str:
        nonlocal is_plain
        text = match[0]
        if match.lastgroup is None:
            is_plain = is_plain and text in _PLAIN_LITERALS
            return text
        if text in _SPECIAL_STRINGS or text in keep or (text[0] == "'" and is_numeric(text[1:-1])):
            return text
        return f"{text[0]}{numbers.setdefault(text, len(numbers))}{text[0]}"

    skeleton = _LITERAL.sub(placeholder, expression)
    return skeleton if is_plain else None
