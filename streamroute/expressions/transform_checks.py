"""What an expression gives whatever the message holds: enough to know a transform that never works."""

from __future__ import annotations

from typing import Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree

_NEVER_OBJECTS: Final = {
    "comparator": "a truth value",
    "filter_projection": "a list",
    "flatten": "a list",
    "multi_select_list": "a list",
    "not_expression": "a truth value",
    "projection": "a list",
    "slice": "a list",
    "value_projection": "a list",
}
_GIVE_OBJECTS: Final = frozenset({"max_by", "merge", "min_by", "not_null"})


def check_transform(tree: Tree) -> Problem | None:
    """The problem of a transform that can never give an object."""
    given = _never_an_object(tree.root)
    if given is None:
        return None
    example = f"{{value: {tree.expression}}}" if len(tree.expression) < 40 else "{value: ...}"
    message = f"the transform gives {given}, and a handler takes an object"
    return Problem("SR308", message, help=f"name what it gives: {example}")


def _never_an_object(node: Node) -> str | None:
    """What the node gives in place of an object, or None where it may give one."""
    kind = node["type"]
    if kind in ("pipe", "subexpression"):
        return _never_an_object(node["children"][-1])
    if kind == "literal":
        return None if isinstance(node["value"], dict) else "a literal"
    if kind == "function_expression":
        return None if node["value"] in _GIVE_OBJECTS else f"what {node['value']}() gives"
    return _NEVER_OBJECTS.get(kind)
