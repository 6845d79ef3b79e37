"""Find everything about an expression that is known before any message arrives, with advice.

The parser and ``static_checks`` only report what is wrong. This module adds the hints of ``translation``,
which is imported only if there is a problem.
"""

from __future__ import annotations

from typing import Final

from streamroute.expressions.problem import ExpressionError, Problem
from streamroute.expressions.static_checks import ARGUMENT_COUNT, UNKNOWN_FUNCTION, check_tree
from streamroute.expressions.syntax.parser import Tree, parse
from streamroute.expressions.syntax.syntax_errors import ExpressionSyntaxError

_CALLS: Final = frozenset({UNKNOWN_FUNCTION, ARGUMENT_COUNT})


def check_expression(expression: str) -> list[Problem]:
    """Return everything that is wrong, or probably wrong, with an expression, whatever the message."""
    try:
        tree = parse(expression)
    except ExpressionError as error:
        return [_explained(error)]
    return [_advised(tree, problem) for problem in check_tree(tree)]


def parse_compilable(expression: str) -> Tree:
    """Parse an expression to compile it. Raises ExpressionError for the first fatal problem."""
    try:
        tree = parse(expression)
    except ExpressionError as error:
        raise ExpressionError(error.expression, _explained(error)) from None
    for problem in check_tree(tree):
        if problem.fatal:
            raise ExpressionError(expression, _advised(tree, problem))
    return tree


def _explained(error: ExpressionError) -> Problem:
    """The problem of an expression that does not parse, with the probable meaning."""
    if not isinstance(error, ExpressionSyntaxError):
        return error.problem
    from streamroute.expressions.translation.syntax_hints import explain

    return explain(error)


def _advised(tree: Tree, problem: Problem) -> Problem:
    if problem.code not in _CALLS:
        return problem
    from streamroute.expressions.translation.function_hints import advise

    return advise(tree, problem)
