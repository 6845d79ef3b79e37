"""Static checks of transforms: an expression that can never return an object."""

from __future__ import annotations

from typing import Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree

_NEVER_OBJECTS: Final = {
    "comparator": "a boolean",
    "filter_projection": "a list",
    "flatten": "a list",
    "multi_select_list": "a list",
    "not_expression": "a boolean",
    "projection": "a list",
    "slice": "a list",
    "value_projection": "a list",
}
_GIVE_OBJECTS: Final = frozenset({"max_by", "merge", "min_by", "not_null"})


def check_transform(tree: Tree) -> Problem | None:
    """The problem of a transform that can never return an object."""
    result = _never_an_object(tree.root)
    if result is None:
        return None
    example = f"{{value: {tree.expression}}}" if len(tree.expression) < 40 else "{value: ...}"
    message = f"the transform returns {result}, but a handler receives an object"
    return Problem("SR308", message, help=f"wrap it in an object: {example}")


def _never_an_object(node: Node) -> str | None:
    """What the node returns instead of an object; None if it may return one."""
    kind = node["type"]
    if kind in ("pipe", "subexpression"):
        return _never_an_object(node["children"][-1])
    if kind == "literal":
        return None if isinstance(node["value"], dict) else "a literal"
    if kind == "function_expression":
        return None if node["value"] in _GIVE_OBJECTS else f"the result of {node['value']}()"
    return _NEVER_OBJECTS.get(kind)
