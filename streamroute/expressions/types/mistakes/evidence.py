"""Evidence of what messages contain, from a configuration's expressions, tests and examples.

It can suppress or confirm a finding; missing evidence proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from streamroute.expressions.syntax.parser import Node, Tree, children
from streamroute.expressions.types.nodes import Path, is_literal, path_of

_MAX_NODES: Final = 200_000
"""The most nodes of expressions and messages that are read."""

_STEPPING: Final = frozenset(
    {"subexpression", "index_expression", "pipe", "projection", "value_projection", "flatten"}
    | {"filter_projection"}
)
_TEXT_TESTS: Final = frozenset({"starts_with", "ends_with"})


class Evidence:
    """The names and values in expressions, messages and schemas.

    ``fields`` are names at the top of a message that are certainly fields; ``scalars`` are those that an
    expression compares with a string, a number or a boolean. ``inner`` are pairs of a name near the top and a
    name in it that an expression reads together. ``names`` are the names at any depth of messages, ``read``
    those in expressions. ``message_values`` maps a path, from the top of a message or from a list's element,
    to its scalars in messages, with an empty list for each list; ``compared`` maps a path to the scalars that
    expressions compare it with. ``texts`` are all strings.
    """

    def __init__(
        self,
        trees: Iterable[Tree] = (),
        messages: Iterable[Mapping[str, Any]] = (),
        schemas: Iterable[Any] = (),
    ) -> None:
        self.fields: set[str] = set()
        self.scalars: set[str] = set()
        self.names: set[str] = set()
        self.inner: set[tuple[str, str]] = set()
        self.read: set[str] = set()
        self.message_values: dict[Path, list[Any]] = {}
        self.compared: dict[Path, list[Any]] = {}
        self.texts: set[str] = set()
        self._left = _MAX_NODES
        self._expression = ""
        for schema in schemas:
            self._add_schema(schema)
        for message in messages:
            self._add_message(message)
        for tree in trees:
            if self._left > 0:
                self._add_tree(tree)

    def is_text(self, path: Path) -> bool:
        """Whether a message has a string at the path."""
        return any(isinstance(value, str) for value in self.message_values.get(path, ()))

    def has_texts(self, path: Path) -> bool:
        """Whether a message has a string at the path, or an expression compares it with one."""
        return self.is_text(path) or any(isinstance(value, str) for value in self.compared.get(path, ()))

    # Expressions

    def _add_tree(self, tree: Tree) -> None:
        self._expression = tree.expression
        self.inner.update(_inner_names(tree.root))
        for node, is_scalar in _bare_names(tree.root):
            (self.scalars if is_scalar else self.fields).add(node["value"])
        stack, compared = [tree.root], set[int]()
        while stack and self._left > 0:
            node = stack.pop()
            self._left -= 1
            kind = node["type"]
            if kind == "comparator":
                compared.update(self._add_comparison(*node["children"]))
            elif kind == "function_expression":
                compared.update(self._add_call(node))
            elif kind == "field" and id(node) not in compared:
                self.read.add(node["value"])
            elif kind == "literal" and isinstance(node["value"], str):
                self.texts.add(node["value"])
            stack.extend(children(node))

    def _add_comparison(self, left: Node, right: Node) -> Iterator[int]:
        """Add the compared values; yield the ids of names that may be unquoted values, not fields."""
        for side, other in ((left, right), (right, left)):
            if is_literal(side) and not self._is_word_in_backticks(side):
                self._add_value(path_of(other), side["value"])
            elif side["type"] == "field" and path_of(other):
                yield id(side)
            elif side["type"] == "multi_select_list" and path_of(other):
                yield from map(id, side["children"])

    def _is_word_in_backticks(self, literal: Node) -> bool:
        """Whether a literal is invalid JSON, and so a string that is no evidence."""
        text = self._expression[literal["start"] : literal["end"]]
        return isinstance(literal["value"], str) and text[0] == "`" and text[1:].lstrip()[:1] != '"'

    def _add_call(self, node: Node) -> Iterator[int]:
        arguments = node["children"]
        if len(arguments) != 2:
            return
        first, second = arguments
        if node["value"] in _TEXT_TESTS:
            yield id(second)
            if is_literal(second):
                self._add_value(path_of(first), second["value"])
        elif node["value"] == "contains" and first["type"] == "multi_select_list":
            yield from map(id, first["children"])
            for each in filter(is_literal, first["children"]):
                self._add_value(path_of(second), each["value"])

    def _add_value(self, path: Path | None, value: Any) -> None:
        if path and not isinstance(value, (dict, list)):
            self.compared.setdefault(path, []).append(value)

    # Messages and schemas

    def _add_message(self, message: Mapping[str, Any]) -> None:
        self.fields.update(message)
        stack: list[tuple[Path, Any]] = [((), message)]
        while stack and self._left > 0:
            path, value = stack.pop()
            self._left -= 1
            if isinstance(value, Mapping):
                self.names.update(value)
                stack.extend(((*path, str(name)), each) for name, each in value.items())
            elif isinstance(value, list):
                self.message_values.setdefault(path, []).append([])
                stack.extend(((), each) for each in value)
            else:
                self.message_values.setdefault(path, []).append(value)
                if isinstance(value, str):
                    self.texts.add(value)

    def _add_schema(self, schema: Any) -> None:
        """Add the names that a schema declares, the strings that it allows, and its examples."""
        if isinstance(schema, dict):
            self.fields.update(_mapping(schema.get("properties")))
            for example in _list(schema.get("examples")):
                if isinstance(example, dict):
                    self._add_message(example)
        stack = [schema]
        while stack and self._left > 0:
            value = stack.pop()
            self._left -= 1
            if isinstance(value, dict):
                self.names.update(_mapping(value.get("properties")))
                allowed = [value.get("const"), *_list(value.get("enum"))]
                self.texts.update(each for each in allowed if isinstance(each, str))
                stack.extend(value.values())
            elif isinstance(value, list):
                stack.extend(value)


EvidenceSource = Callable[[], Evidence]
"""Collects the evidence once, at its first use."""


def over_the_payload(root: Node) -> Iterator[Node]:
    """Yield the nodes that are evaluated on the message itself; of a path, only its first step."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if node["type"] in _STEPPING:
            stack.append(node["children"][0])
        elif node["type"] != "expref":
            stack.extend(children(node))


def steps_from_the_payload(node: Node) -> list[Node]:
    """The steps of a path, without a leading ``@``."""
    if node["type"] != "subexpression":
        return [node]
    first, *others = node["children"]
    return others if first["type"] == "current" else [first, *others]


def _inner_names(root: Node) -> Iterator[tuple[str, str]]:
    """Yield ``data`` and ``object`` for ``data.object.amount`` and ``payload.data.object.amount``."""
    for node in over_the_payload(root):
        steps = steps_from_the_payload(node)[:3]
        for one, two in pairwise(steps):
            if one["type"] == two["type"] == "field":
                yield str(one["value"]), str(two["value"])


def _bare_names(root: Node) -> Iterator[tuple[Node, bool]]:
    """Yield the message's own fields that are read without a subfield, and whether each is a scalar."""
    inside, compared = set[int](), set[int]()
    for node in over_the_payload(root):
        steps = steps_from_the_payload(node)
        if len(steps) > 1:
            inside.add(id(steps[0]))
            if steps[0]["type"] == "not_expression":  # !payload.vip
                inside.add(id(steps[0]["children"][0]))
        elif node["type"] == "comparator":
            compared.update(map(id, _scalars(*node["children"])))
        elif steps[0]["type"] == "field" and id(steps[0]) not in inside:
            inside.add(id(steps[0]))
            yield steps[0], id(node) in compared


def _scalars(left: Node, right: Node) -> Iterator[Node]:
    """Yield the sides whose other side is a literal, but not a list, an object or null."""
    for side, other in ((left, right), (right, left)):
        if is_literal(other) and not isinstance(other["value"], (dict, list, type(None))):
            yield side


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
