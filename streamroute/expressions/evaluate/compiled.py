"""Compile trees to functions: generated code if the tree is covered, else the jmespath library."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from streamroute.expressions.evaluate.codegen import (
    Evaluate,
    NotCoveredError,
    generate_filter,
    generate_value,
)
from streamroute.expressions.evaluate.cost_limit import with_cost_limit
from streamroute.expressions.evaluate.cost_model import cost_of
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.syntax.parser import Node


def filter_function(root: Node, interpret: Callable[[Any], bool]) -> Evaluate:
    """Compile the tree's truth for a payload; ``interpret`` is used if generated code does not cover it."""
    return _generated(generate_filter, root, interpret)


def value_function(root: Node) -> Evaluate:
    """Compile the tree's value with the cost limit; it raises what the jmespath library raises."""
    fast = _generated(generate_value, root, partial(evaluate, root))
    return with_cost_limit(root, cost_of(root).steps, fast)


def _generated(
    generate: Callable[[Node, Evaluate], Evaluate], root: Node, interpret: Callable[[Any], Any]
) -> Evaluate:
    try:
        return generate(root, interpret)
    except NotCoveredError:
        return interpret
