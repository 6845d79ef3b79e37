"""Explain syntax errors: what the author of an expression probably meant."""

from __future__ import annotations

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.syntax_errors import ExpressionSyntaxError
from streamroute.expressions.translation.character_hints import hint_for_char
from streamroute.expressions.translation.hint import SyntaxHint
from streamroute.expressions.translation.token_hints import hint_for_token
from streamroute.expressions.translation.translate import translate


def explain(error: ExpressionSyntaxError) -> Problem:
    """The error's problem with a hint, or with the translated expression if there is one."""
    problem, hint = error.problem, _hint(error)
    if hint is not None:
        problem = hint.at(problem.start, problem.end)
    translated = translate(error.expression)
    return problem._replace(help=f"write {translated}") if translated else problem


def _hint(error: ExpressionSyntaxError) -> SyntaxHint | None:
    if not error.tokens:
        return hint_for_char(error.expression, error.problem.start)
    return hint_for_token(error.expression, error.tokens, error.index)
