"""Branches: the operands of ``&&``, ``||`` and ``!``, which tests should see both true and false."""

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
    """An operand: its text, and where it lies in its expression, from ``start`` up to ``end``."""

    text: str
    start: int
    end: int


def branches(tree: Tree) -> tuple[Branch, ...]:
    """The operands in the order of the text, down to those that join nothing themselves.

    A literal is none: it cannot be both. Where the expression joins nothing, there are none.
    """
    return tuple(sorted((branch for branch, _ in _operands(tree)), key=lambda branch: branch.start))


def covered(trace: Trace) -> dict[Branch, set[bool]]:
    """What each branch was in one evaluation; those that were not reached are left out."""
    observed = ((branch, trace.observed(node).truths) for branch, node in _operands(trace.tree))
    return {branch: truths for branch, truths in observed if truths}


def _operands(tree: Tree) -> Iterator[tuple[Branch, dict[str, object]]]:
    for node, start, end in walk(tree.root, 0, len(tree.expression)):
        if node["type"] not in _LOGIC:
            continue
        for operand in children(node):
            if operand["type"] not in _LOGIC | _CONSTANT:
                place = operand.get("start", start), operand.get("end", end)
                yield Branch(tree.expression[slice(*place)].strip(), *place), operand
