"""Branches: the operands of ``&&``, ``||`` and ``!``, which tests should evaluate to both true and false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamroute.expressions.explain.trace import Trace
from streamroute.expressions.syntax.parser import Tree, children, walk

_LOGIC: Final = frozenset({"and_expression", "or_expression", "not_expression"})
_CONSTANT: Final = frozenset({"literal"})


@dataclass(frozen=True, slots=True)
class Branch:
    """An operand: its text, and its offsets in the expression (``end`` is exclusive)."""

    text: str
    start: int
    end: int


def branches(tree: Tree) -> tuple[Branch, ...]:
    """The operands without operators of their own, in the order of the text.

    Literals are not included: they have only one truth. Without operators there are no branches.
    """
    return tuple(sorted((branch for branch, _ in _operands(tree)), key=lambda branch: branch.start))


def covered(trace: Trace) -> dict[Branch, set[bool]]:
    """The truths of each branch in one evaluation, without branches that were not evaluated."""
    observed = ((branch, trace.observed(node).truths) for branch, node in _operands(trace.tree))
    return {branch: truths for branch, truths in observed if truths}


def _operands(tree: Tree) -> Iterator[tuple[Branch, dict[str, object]]]:
    for node, start, end in walk(tree.root, 0, len(tree.expression)):
        if node["type"] not in _LOGIC:
            continue
        for operand in children(node):
            if operand["type"] not in _LOGIC | _CONSTANT:
                span = operand.get("start", start), operand.get("end", end)
                yield Branch(tree.expression[slice(*span)].strip(), *span), operand
