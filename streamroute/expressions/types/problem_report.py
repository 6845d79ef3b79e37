"""The problems found in one pass over an expression."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.expressions.types.algebra.json_types import Type
from streamroute.text.truncation import ellipsize

_MAX_ADVISED_PROBLEMS: Final = 50
_LOOSE: Final = frozenset({"pipe", "or_expression", "and_expression", "comparator"})


class ProblemReport:
    """The problems found so far.

    ``declared``: the types come from a schema, so that a name can be missing in it. ``conclusive``: messages
    are known to fit the types, so that a condition can be reported as always true.
    """

    def __init__(self, tree: Tree, *, declared: bool = False, validated: bool = False) -> None:
        self.tree = tree
        self.declared = declared
        self.conclusive = validated or not declared
        self.problems: list[Problem] = []
        self.known_fields: set[int] = set()
        """The ids of nodes whose field the schema has."""
        self.compared: dict[int, tuple[Type, Type]] = {}
        """The types of both sides of each comparison, by its ``id``."""
        self._muted = False

    @property
    def count(self) -> int:
        """The number of problems."""
        return len(self.problems)

    @property
    def is_long(self) -> bool:
        """Whether there are so many problems that more advice is useless."""
        return len(self.problems) > _MAX_ADVISED_PROBLEMS

    def is_known_field(self, node: Node) -> bool:
        """Whether the schema declares the field that a node reads."""
        return id(node) in self.known_fields

    @property
    def is_muted(self) -> bool:
        """Whether problems are currently discarded."""
        return self._muted

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Discard problems while a part is inferred again."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def add(
        self,
        code: str,
        node: Node,
        message: str,
        help: str | None = None,  # noqa: A002 - the problem's own term
        suggestion: str | None = None,
        *,
        constant: bool = False,
    ) -> None:
        """Add a problem of a part of the expression."""
        if not self._muted:
            start, end = self.span(node)
            self.problems.append(Problem(code, message, start, end, help, suggestion, constant=constant))

    def span(self, node: Node) -> tuple[int, int]:
        """The offsets of a part of the expression."""
        if "start" in node:
            return node["start"], node["end"]
        within = walk(self.tree.root, 0, len(self.tree.expression))
        places = ((start, end or start) for each, start, end in within if each is node)
        return next(places, (0, len(self.tree.expression)))

    def text(self, node: Node) -> str:
        """The text of a part of the expression."""
        start, end = self.span(node)
        return " ".join(self.tree.expression[start:end].split())

    def operand(self, node: Node) -> str:
        """The text, in parentheses if a comparison needs them."""
        return f"({self.text(node)})" if node["type"] in _LOOSE else self.text(node)

    def short(self, node: Node, limit: int = 40) -> str:
        """The text, shortened to fit into a message."""
        return ellipsize(self.text(node), limit)
