"""Trees as functions: generated code where the tree is covered, the jmespath library otherwise."""

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
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.syntax.parser import Node


def filter_function(root: Node, interpret: Callable[[Any], bool]) -> Evaluate:
    """The tree's truth for a payload; ``interpret`` evaluates what the generated code does not cover."""
    return _generated(generate_filter, root, interpret)


def value_function(root: Node) -> Evaluate:
    """The tree's value for a payload, within the cost limit; raises what the jmespath library raises."""
    return with_cost_limit(root, _generated(generate_value, root, partial(evaluate, root)))


def _generated(
    generate: Callable[[Node, Evaluate], Evaluate], root: Node, interpret: Callable[[Any], Any]
) -> Evaluate:
    try:
        return generate(root, interpret)
    except NotCoveredError:
        return interpret
