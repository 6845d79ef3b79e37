"""Filters: a JMESPath expression as ``(payload) -> bool``, with JMESPath's truth (0 is true)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, cast

from jmespath.exceptions import JMESPathTypeError

from streamroute.errors import StreamrouteError
from streamroute.expansion import ExpansionError
from streamroute.expressions.evaluate.codegen import NotCoveredError, generate_filter
from streamroute.expressions.evaluate.cost_limit import TooCostlyError, is_ordinary, metered
from streamroute.expressions.evaluate.equality_terms import Equality, leading_equalities
from streamroute.expressions.evaluate.interpreter import evaluate, is_false
from streamroute.expressions.lint import parse_compilable
from streamroute.expressions.syntax.parser import Tree, parse
from streamroute.logs.exception_text import error_line
from streamroute.message import ExpandingMessage
from streamroute.text.limits import NAME
from streamroute.text.safe_text import clip


class Filter(Protocol):
    """Whether a route takes a payload. Raises FilterError where the expression fails on it.

    ``equalities`` are the comparisons that lead the expression.
    """

    expression: str
    equalities: Sequence[Equality]

    def __call__(self, payload: Any, /) -> bool: ...


class FilterError(StreamrouteError):
    """Raised by a filter that fails on a payload: the same payload fails again, so nothing is retried."""

    def __init__(self, expression: str, cause: str) -> None:
        super().__init__(f"the filter {_shortened(expression)} failed: {cause}")
        self.expression = expression
        self.cause = cause


def compile_filter(expression: str) -> Filter:
    """Compile an expression. Raises ExpressionError for the first problem that no message can heal.

    A filter is Python code of its own; what that does not cover, the jmespath library evaluates.
    """
    tree = parse_compilable(expression)
    interpreted = partial(matches, expression)
    try:
        accepts = generate_filter(tree.root, interpreted)
    except NotCoveredError:
        accepts = interpreted
    accepts = _stopped(expression, tree, accepts)
    vars(accepts)["expression"] = expression
    vars(accepts)["equalities"] = leading_equalities(tree.root)
    return cast("Filter", accepts)


def _stopped(expression: str, tree: Tree, accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The filter, which fails where it would take too long."""
    counted = metered(tree.root, accepts, lambda value: not is_false(value))
    if counted is accepts:
        return accepts

    def stopped(payload: Any) -> bool:
        try:
            return bool(counted(payload))
        except FilterError:
            raise
        except BaseException as error:
            raise FilterError(expression, in_words(error)) from error

    if not is_ordinary(tree.root):
        return stopped
    return lambda payload: stopped(payload) if type(payload) is ExpandingMessage else accepts(payload)


def matches(expression: str, payload: Any) -> bool:
    """JMESPath's truth of the expression for this payload, by the library. Raises FilterError."""
    try:
        return not is_false(evaluate(parse(expression).root, payload))
    except BaseException as error:
        raise FilterError(expression, in_words(error)) from error


def no_match(accepts: Callable[[Any], bool], warn: Callable[[FilterError], None]) -> Callable[[Any], bool]:
    """A filter that is false where it would fail (``on_filter_error: no_match``); warns of the first."""
    warned = False

    def lenient(payload: Any) -> bool:
        nonlocal warned
        try:
            return accepts(payload)
        except FilterError as error:
            # The route does not take this message; the others go on with it.
            if not warned:
                warned = True
                warn(error)
            return False

    vars(lenient)["equalities"] = getattr(accepts, "equalities", ())
    return lenient


def in_words(error: BaseException) -> str:
    """Why an evaluation failed, without the payload's values: they may be secrets."""
    kind = type(error)  # not isinstance(): what a codec of the user's made may raise anything
    if kind is JMESPathTypeError and isinstance(error, JMESPathTypeError):
        wanted = " or ".join(str(kind) for kind in error.expected_types)
        return f"{error.function_name}() takes {wanted}, and was given {clip(error.actual_type, NAME)}"
    if issubclass(kind, RecursionError):
        return "the payload is nested too deep"
    if issubclass(kind, (TooCostlyError, ExpansionError)):
        return str(error)
    return error_line(error)


def _shortened(expression: str) -> str:
    return expression if len(expression) <= 120 else f"{expression[:117]}..."
