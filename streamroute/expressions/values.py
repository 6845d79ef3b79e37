"""Values: a JMESPath expression as ``(payload) -> value``, for deduplication and ordering keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamroute.expressions.evaluate.compiled import value_function
from streamroute.expressions.lint import parse_compilable


def compile_value(expression: str) -> Callable[[Any], Any]:
    """Compile an expression to a function, which raises what the jmespath library raises.

    Raises ExpressionError for the first fatal problem.
    """
    return value_function(parse_compilable(expression).root)
