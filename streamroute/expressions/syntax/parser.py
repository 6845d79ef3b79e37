"""JMESPath's parse tree, from jmespath's own parser, with the place of each node in the expression.

A node is jmespath's dict (``type``, ``value``, ``children``). Nodes with text of their own also have
``start`` and ``end``, offsets in the expression; the others lie within their parent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from jmespath.exceptions import ParseError
from jmespath.parser import Parser

from streamroute.expressions.problem import ExpressionError, Problem
from streamroute.expressions.syntax.lexer import tokenize
from streamroute.expressions.syntax.syntax_errors import Token, unexpected_token

Node = dict[str, Any]

MAX_LENGTH: Final = 16_384
MAX_DEPTH: Final = 64

_CHAINS: Final = frozenset(("and_expression", "or_expression", "pipe"))
_TOO_COMPLEX: Final = "SR305"


class Tree(NamedTuple):
    """A parsed expression: its text and its root node."""

    expression: str
    root: Node


@lru_cache(maxsize=512)
def parse(expression: str) -> Tree:
    """Parse an expression. Raises ExpressionError, with a place, if it is invalid or too large."""
    if len(expression) > MAX_LENGTH:
        message = f"the expression is longer than {MAX_LENGTH} characters"
        raise ExpressionError(expression[:80], Problem(_TOO_COMPLEX, message, 0, None, fatal=True))
    parser = _PositionedParser(expression, tokenize(expression))
    try:
        root = parser.tree()
    except (ParseError, IndexError):
        raise unexpected_token(expression, parser.tokens, parser.stopped_at()) from None
    if len(parser.tokens) > MAX_DEPTH:
        _refuse_depth(expression, root)
    return Tree(expression, root)


def is_valid(expression: str) -> bool:
    """Whether the expression parses."""
    try:
        parse(expression)
    except ExpressionError:
        return False
    return True


class _PositionedParser(Parser):
    """jmespath's parser, over existing tokens; its central rule also records the place of each node."""

    _index: int

    def __init__(self, expression: str, tokens: list[Token]) -> None:
        super().__init__()
        self.expression = expression
        self.tokens = self._tokens = tokens
        self._depth = 0
        self._failed_at: int | None = None

    def tree(self) -> Node:
        """Parse the tokens; return the root node."""
        self._index = 0
        root = self._expression()
        if self.tokens[self._index]["type"] != "eof":
            raise ParseError(0, "", "", "trailing token")
        return root

    def stopped_at(self) -> int:
        """The index of the token that caused the last error."""
        return min(self._index if self._failed_at is None else self._failed_at, len(self.tokens) - 1)

    def _expression(self, binding_power: int = 0) -> Node:
        """Parse as jmespath does, and record where each node begins and ends."""
        self._depth += 1
        first = self.tokens[self._index]
        if self._depth > MAX_DEPTH:
            raise _too_deep(self.expression, first["start"], first["end"])
        self._index += 1
        nud = getattr(self, "_token_nud_" + first["type"], None)
        if nud is None:
            self._fail(self._index - 1)
        left: Node = nud(first)
        if first["type"] != "lparen":  # parentheses are not part of the node inside them
            self._mark(left, first)
        powers, kind = self.BINDING_POWER, self.tokens[self._index]["type"]
        while binding_power < powers[kind]:
            led = getattr(self, "_token_led_" + kind, None)
            if led is None:
                self._fail(self._index)
            self._index += 1
            left = led(left)
            self._mark(left, first)
            kind = self.tokens[self._index]["type"]
        self._depth -= 1
        return left

    def _mark(self, node: Node, first: Token) -> None:
        node["start"], node["end"] = first["start"], self.tokens[self._index - 1]["end"]

    def _fail(self, index: int) -> NoReturn:
        self._failed_at = index
        token = self.tokens[index]
        raise ParseError(token["start"], token["value"], token["type"])


def _too_deep(expression: str, start: int, end: int | None) -> ExpressionError:
    message = f"the expression is nested deeper than {MAX_DEPTH} levels"
    return ExpressionError(expression, Problem(_TOO_COMPLEX, message, start, end, fatal=True))


def _refuse_depth(expression: str, root: Node) -> None:
    """Raise ExpressionError for a tree that is too deep; chains of one operator are evaluated in a loop."""
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise _too_deep(expression, node.get("start", 0), node.get("end"))
        chain = node["type"] if node["type"] in _CHAINS else None
        stack.extend((child, depth + (child["type"] != chain)) for child in children(node))


def children(node: Node) -> list[Node]:
    """The child nodes (a slice has numbers instead)."""
    return [] if node["type"] == "slice" else node["children"]


def chain(node: Node) -> list[Node]:
    """The operands of ``a && b && c`` (or ``||``, or ``|``) in order; the tree leans to the left."""
    kind, operands = node["type"], []
    while node["type"] == kind:
        node, right = node["children"]
        operands.append(right)
    return [node, *reversed(operands)]


def walk(node: Node, start: int, end: int) -> Iterator[tuple[Node, int, int]]:
    """Yield every node with its place, in preorder; a node without a place takes its parent's."""
    stack = [(node, start, end)]
    while stack:
        node, start, end = stack.pop()
        start, end = node.get("start", start), node.get("end", end)
        yield node, start, end
        below = node["children"]
        if below and node["type"] != "slice":
            stack.extend([(child, start, end) for child in reversed(below)])
