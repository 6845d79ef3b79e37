"""Questions about nodes: is it a literal, a call, a path of fields?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from streamroute.expressions.syntax.parser import Node

Path = tuple[str, ...]

_MAX_CHILDREN: Final = 32


def path_of(node: Node) -> Path | None:
    """The field names of a path from ``@``; None if the node is not such a path."""
    kind = node["type"]
    if kind == "field":
        return (node["value"],)
    if kind in ("current", "identity"):
        return ()
    if kind != "subexpression":
        return None
    steps: Path = ()
    if len(node["children"]) > _MAX_CHILDREN:
        return None
    for child in node["children"]:
        step = path_of(child)
        if step is None:
            return None
        steps += step
    return steps


def parts_of(node: Node) -> Iterator[Node]:
    """Yield the node and all nodes below it."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if node["type"] != "slice":
            stack.extend(node["children"])


def fingerprint(node: Node) -> tuple[Any, ...]:
    """A hashable value that is equal for equal nodes at any place."""
    children = node["children"]
    inner = tuple(children if node["type"] == "slice" else map(fingerprint, children))
    return node["type"], repr(node.get("value")), inner


def paths_in(node: Node) -> set[Path]:
    """Every path that an expression reads in this scope."""
    paths: set[Path] = set()
    stack = [node]
    while stack:
        node = stack.pop()
        path = path_of(node)
        if path is not None:
            paths.add(path)
        elif node["type"] != "slice":
            stack.extend(node["children"])
    return paths


def value_of(node: Node) -> Any:
    """The value of a literal, or of a list of literals; None for anything else."""
    if is_literal(node):
        return node["value"]
    if node["type"] == "multi_select_list" and all(map(is_literal, node["children"])):
        return [each["value"] for each in node["children"]]
    return None


def is_literal(node: Node) -> bool:
    """Whether a node is a literal, in quotes or backticks."""
    return bool(node["type"] == "literal")


def is_scalar(value: Any) -> bool:
    """Whether a value is neither a list nor an object."""
    return not isinstance(value, (list, dict))


def is_call(node: Node, name: str) -> bool:
    """Whether a node calls this function."""
    return bool(node["type"] == "function_expression" and node["value"] == name)
