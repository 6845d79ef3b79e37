"""Expressions as functions that give their value: what a key of dedupe is made with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from streamroute.compiler.codegen import NotCoveredError, generate_value
from streamroute.compiler.expressions import blocking
from streamroute.compiler.functions import evaluate
from streamroute.compiler.metering import metered
from streamroute.compiler.parsing import parse
from streamroute.compiler.problems import ExpressionError


def compile_value(expression: str) -> Callable[[Any], Any]:
    """The expression's value for a payload; the function raises what the jmespath library raises.

    Raises ExpressionError for the first problem that no message can heal.
    """
    tree = parse(expression)
    problem = blocking(tree)
    if problem is not None:
        raise ExpressionError(expression, problem)
    library = partial(evaluate, tree.root)
    try:
        return metered(tree.root, generate_value(tree.root, library))
    except NotCoveredError:
        return metered(tree.root, library)
