"""Fields in place of a literal: ``tier == "gold"``, ``vip == true``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree, children, walk
from streamroute.expressions.types.mistakes.malformed_literals import rewriting
from streamroute.expressions.types.nodes import is_literal
from streamroute.expressions.types.phrases import as_literal, is_numeric
from streamroute.text.lazy_pattern import lazy_pattern

FIELD_FOR_LITERAL: Final = "SR312"

LITERAL_WORDS: Final = {
    "true": "`true`", "false": "`false`", "null": "`null`",
    "True": "`true`", "False": "`false`", "None": "`null`",
    "TRUE": "`true`", "FALSE": "`false`", "NULL": "`null`", "Null": "`null`",
    "nil": "`null`", "Nil": "`null`", "NIL": "`null`", "undefined": "`null`",
}  # fmt: skip
_PLAIN: Final = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TEXT_ARGUMENT: Final = {"contains": 1, "starts_with": 1, "ends_with": 1, "join": 0}
_BOOLEAN: Final = frozenset({"and_expression", "or_expression", "not_expression"})


def find_fields_for_literals(tree: Tree, is_field: Callable[[Node], bool]) -> Iterator[Problem]:
    """Yield a problem for each such field; ``is_field`` tells whether the schema declares a node's field."""
    if '"' not in tree.expression and not any(word in tree.expression for word in LITERAL_WORDS):
        return
    for node, _, _ in walk(tree.root, 0, len(tree.expression)):
        for operand in _mistaken(tree, node):
            if not is_field(operand):
                yield _problem(tree, operand)
    if _is_word(tree, tree.root) and not is_field(tree.root):
        yield _problem(tree, tree.root)


def _mistaken(tree: Tree, node: Node) -> Iterator[Node]:
    """The operands of a node that are names but should be literals."""
    kind = node["type"]
    if kind == "comparator":
        yield from _in_comparison(tree, *node["children"])
    elif kind == "function_expression":
        yield from (argument for argument in node["children"] if _is_word(tree, argument))
        yield from _in_call(tree, node)
    elif kind in _BOOLEAN:
        yield from (operand for operand in children(node) if _is_word(tree, operand))
    elif kind == "filter_projection" and _is_word(tree, node["children"][2]):
        yield node["children"][2]


def _in_comparison(tree: Tree, left: Node, right: Node) -> Iterator[Node]:
    yield from (side for side in (left, right) if _is_word(tree, side))
    if _is_quoted(tree, right):
        if not is_literal(left) and (_is_plain(right) or not _is_quoted(tree, left)):
            yield right
    elif _is_quoted(tree, left) and _is_plain(left) and not is_literal(right) and not _is_word(tree, right):
        yield left


def _in_call(tree: Tree, node: Node) -> Iterator[Node]:
    at, arguments = _TEXT_ARGUMENT.get(node["value"]), node["children"]
    if at is None or len(arguments) != 2 or is_literal(arguments[1 - at]):
        return
    if _is_quoted(tree, arguments[at]) and (_is_plain(arguments[at]) or node["value"] == "join"):
        yield arguments[at]


def _is_quoted(tree: Tree, node: Node) -> bool:
    return node["type"] == "field" and tree.expression[node["start"]] == '"'


def _is_word(tree: Tree, node: Node) -> bool:
    return node["type"] == "field" and node["value"] in LITERAL_WORDS and not _is_quoted(tree, node)


def _is_plain(node: Node) -> bool:
    """Whether a name needs no quotes."""
    return _PLAIN.match(node["value"]) is not None


def _problem(tree: Tree, node: Node) -> Problem:
    start, end = node["start"], node["end"]
    text = tree.expression[start:end]
    literal = _quoted_value(tree, node) if text.startswith('"') else LITERAL_WORDS[text]
    message = f"{text} is a field name, not a value; a missing field is null"
    corrected = f"{tree.expression[:start]}{literal}{tree.expression[end:]}".strip()
    is_short = len(corrected) <= 60 and "\n" not in corrected
    return rewriting(FIELD_FOR_LITERAL, message, node, f"write {corrected}" if is_short else None, literal)


def _quoted_value(tree: Tree, node: Node) -> str:
    """A double-quoted name as a literal: a string, unless it is a boolean, null, or ordered as a number."""
    value = node["value"]
    if value in ("true", "false", "null"):
        return f"`{value}`"
    nodes = (each for each, _, _ in walk(tree.root, 0, len(tree.expression)))
    ordered = (each for each in nodes if each["type"] == "comparator" and each["value"] not in ("eq", "ne"))
    is_ordered = any(side is node for each in ordered for side in each["children"])
    return f"`{value}`" if is_ordered and is_numeric(value) else as_literal(value)
