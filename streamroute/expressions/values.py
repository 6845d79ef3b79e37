"""Expressions as functions that give their value: what a key of dedupe is made with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from streamroute.expressions.evaluate.codegen import NotCoveredError, generate_value
from streamroute.expressions.evaluate.cost_limit import metered
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.lint import parse_compilable


def compile_value(expression: str) -> Callable[[Any], Any]:
    """The expression's value for a payload; the function raises what the jmespath library raises.

    Raises ExpressionError for the first problem that no message can heal.
    """
    tree = parse_compilable(expression)
    library = partial(evaluate, tree.root)
    try:
        return metered(tree.root, generate_value(tree.root, library))
    except NotCoveredError:
        return metered(tree.root, library)
