"""Keys that are the same for every message."""

from __future__ import annotations

from typing import Final

from streamroute.compiler.rules.checked_expression import CheckedExpression
from streamroute.expressions.syntax.parser import parse, walk

_READING: Final = frozenset({"field", "identity", "current", "index", "value_projection"})
"""Node types that read from the message."""


def is_constant(key: CheckedExpression) -> bool:
    """Whether a valid key does not depend on the message."""
    if key.problems:
        return False
    return all(node["type"] not in _READING for node, _, _ in walk(parse(key.text).root, 0, 0))


def advice_for(key: CheckedExpression) -> str | None:
    """Return advice for a constant key that is a path in quotes, else None."""
    text = key.text.strip("'")
    return f"write the path without quotes: {text}" if key.text == f"'{text}'" else None
