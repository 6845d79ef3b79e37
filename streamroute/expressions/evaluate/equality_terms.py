"""Equalities that a filter requires: if one of them is false, so is the filter."""

from __future__ import annotations

from typing import Any, Final

from streamroute.expressions.syntax.parser import Node, chain

_NEVER_RAISING: Final = frozenset(
    {"field", "subexpression", "literal", "comparator", "not_expression", "and_expression", "or_expression"}
)

Equality = tuple[tuple[str, ...], str | int | float]


def leading_equalities(root: Node) -> tuple[Equality, ...]:
    """``a.b == 'x' && n > `1` && c == `1` ...`` as ``((("a", "b"), "x"), (("c",), 1))``.

    Stops at the first operand that may raise: if an equality before it does not hold, the filter is false
    without an error.
    """
    terms = []
    for operand in chain(root) if root["type"] == "and_expression" else [root]:
        term = _equality(operand)
        if term is not None:
            terms.append(term)
        elif not _never_raises(operand):
            break
    return tuple(terms)


def _never_raises(node: Node) -> bool:
    """Whether no payload makes the node raise: fields, constants, and comparisons of them."""
    return node["type"] in _NEVER_RAISING and all(map(_never_raises, node["children"]))


def _equality(node: Node) -> Equality | None:
    if node["type"] != "comparator" or node["value"] != "eq":
        return None
    left, right = node["children"]
    if left["type"] == "literal":
        left, right = right, left
    path = _path(left)
    value: Any = right["value"] if right["type"] == "literal" else None
    # Booleans are excluded: in JMESPath, true does not equal 1.
    return (path, value) if path and type(value) in (str, int, float) else None


def _path(node: Node) -> tuple[str, ...] | None:
    """The names of ``a.b.c``; None for anything else."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    parts = [_path(child) for child in node["children"]]
    return None if None in parts else tuple(name for part in parts if part for name in part)
