"""Filters: a JMESPath expression as ``(payload) -> bool``, by JMESPath's truth (0 is true)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any, Final, Protocol, cast
from weakref import WeakSet, WeakValueDictionary

from jmespath.exceptions import JMESPathTypeError

from streamroute.errors import StreamrouteError
from streamroute.expansion import ExpansionError
from streamroute.expressions.evaluate.compiled import filter_function
from streamroute.expressions.evaluate.cost_limit import TooCostlyError, is_cheap, with_cost_limit
from streamroute.expressions.evaluate.cost_model import cost_of
from streamroute.expressions.evaluate.equality_terms import Equality, leading_equalities
from streamroute.expressions.evaluate.interpreter import evaluate, is_falsy
from streamroute.expressions.lint import parse_compilable
from streamroute.expressions.syntax.parser import Tree, parse
from streamroute.logs.exception_text import error_line
from streamroute.message import ExpandingMessage
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip, ellipsize

_MAX_SHOWN_LENGTH: Final = 120  # characters of an expression in a message


class Filter(Protocol):
    """Whether a payload matches. Raises FilterError if the expression fails on it.

    ``equalities`` are the leading equalities of the expression.
    """

    expression: str
    equalities: Sequence[Equality]

    def __call__(self, payload: Any, /) -> bool: ...


class FilterError(StreamrouteError):
    """Raised if a filter fails on a payload. It is not retried: the same payload would fail again."""

    def __init__(self, expression: str, cause: str) -> None:
        super().__init__(f"the filter {ellipsize(expression, _MAX_SHOWN_LENGTH)} failed: {cause}")
        self.expression = expression
        self.cause = cause


_pure: Final[WeakSet[Any]] = WeakSet()
_in_use: Final[WeakValueDictionary[str, Filter]] = WeakValueDictionary()


def compile_filter(expression: str) -> Filter:
    """Compile an expression to generated code, or return its filter that is in use.

    So a reload compiles only the filters that the running configuration does not have. Raises ExpressionError
    for the first fatal problem.
    """
    known = _in_use.get(expression)
    if known is None:
        known = _in_use[expression] = _compiled(expression)
    return known


def _compiled(expression: str) -> Filter:
    tree = parse_compilable(expression)
    accepts = filter_function(tree.root, partial(interpret_filter, expression))
    accepts = _with_cost_limit(expression, tree, accepts)
    vars(accepts)["expression"] = expression
    vars(accepts)["equalities"] = leading_equalities(tree.root)
    if is_cheap(cost_of(tree.root).steps):
        _pure.add(accepts)
    return cast("Filter", accepts)


def _with_cost_limit(expression: str, tree: Tree, accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The filter, raising FilterError if it would take too many steps."""
    steps = cost_of(tree.root).steps
    counted = with_cost_limit(tree.root, steps, accepts, lambda value: not is_falsy(value))
    if counted is accepts:
        return accepts

    def limited(payload: Any) -> bool:
        try:
            return bool(counted(payload))
        except FilterError:
            raise
        except BaseException as error:
            raise FilterError(expression, failure_text(error)) from error

    if not is_cheap(steps):
        return limited
    return lambda payload: limited(payload) if type(payload) is ExpandingMessage else accepts(payload)


def interpret_filter(expression: str, payload: Any) -> bool:
    """Evaluate the expression's truth for a payload with the jmespath library. Raises FilterError."""
    try:
        return not is_falsy(evaluate(parse(expression).root, payload))
    except BaseException as error:
        raise FilterError(expression, failure_text(error)) from error


def compile_route_filter(
    expression: str, *, ignores_errors: bool, warn: Callable[[FilterError], None]
) -> Callable[[Any], bool]:
    """Compile a route's filter as it routes messages, and as ``explain`` and ``test`` report.

    If it ``ignores_errors`` (``on_filter_error: no_match``), it does not match a payload on which it fails;
    else it raises FilterError. Raises ExpressionError as ``compile_filter`` does.
    """
    accepts = compile_filter(expression)
    return no_match(accepts, warn) if ignores_errors else accepts


def no_match(accepts: Callable[[Any], bool], warn: Callable[[FilterError], None]) -> Callable[[Any], bool]:
    """A filter that is false instead of raising (``on_filter_error: no_match``); warns the first time."""
    warned = False

    def lenient(payload: Any) -> bool:
        nonlocal warned
        try:
            return accepts(payload)
        except FilterError as error:
            # This route does not match; the other routes still get the message.
            if not warned:
                warned = True
                warn(error)
            return False

    vars(lenient)["equalities"] = getattr(accepts, "equalities", ())
    if is_pure(accepts):
        _pure.add(lenient)
    return lenient


def is_pure(accepts: Any) -> bool:
    """Whether a filter was compiled here, and costs at most as much as decoding the payload.

    It depends on the payload alone, and any dict with the same content is the same payload to it.
    """
    return type(accepts) is FunctionType and accepts in _pure


def failure_text(error: BaseException) -> str:
    """Why an evaluation failed, without the payload's values, which may be secrets."""
    kind = type(error)  # not isinstance(): an object from a user's codec may raise anything
    if kind is JMESPathTypeError and isinstance(error, JMESPathTypeError):
        expected = " or ".join(str(kind) for kind in error.expected_types)
        return f"{error.function_name}() takes {expected}, not {clip(error.actual_type, NAME)}"
    if issubclass(kind, RecursionError):
        return "the payload is nested too deeply"
    if issubclass(kind, (TooCostlyError, ExpansionError)):
        return str(error)
    return error_line(error)
