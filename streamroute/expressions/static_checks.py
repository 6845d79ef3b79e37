"""Checks of an expression's tree alone: unknown functions, argument counts, slices, negations, cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from streamroute.expressions.evaluate.cost_model import cost_of
from streamroute.expressions.evaluate.interpreter import SIGNATURES, is_callable
from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.text.lazy_pattern import lazy_pattern

UNKNOWN_FUNCTION: Final = "SR302"
ARGUMENT_COUNT: Final = "SR304"
ALWAYS_FAILS: Final = "SR306"
NEGATION: Final = "SR307"
EXPLODES: Final = "SR309"

SHORT: Final = 100
"""Characters: the result of an expression with fewer cannot grow much."""

_COMPARED: Final = lazy_pattern(r"\s*[=!<>]=?\s*(?:'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)")
"""A comparison after a path: ``!a.b == 'x'`` is meant as the negation of all of it."""


def check_tree(tree: Tree) -> Iterator[Problem]:
    """Yield the problems of a parsed expression."""
    for node, start, end in walk(tree.root, 0, len(tree.expression)):
        check = _CHECKS.get(node["type"])
        if check is not None:
            yield from check(tree, node, start, end)
    if len(tree.expression) >= SHORT and not cost_of(tree.root).is_bounded:
        message = "the result grows exponentially with the input"
        help_text = "evaluation exceeds the limit on steps, so the route fails at run time"
        yield Problem(EXPLODES, message, 0, len(tree.expression), help_text)


def _check_negation(tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    if node["children"][0]["type"] != "not_expression" or tree.expression[start] != "!":
        return  # (!a).b is odd, but explicit
    if _is_uncallable(node["children"][-1]):
        return  # !tags.includes('x'): the function itself is reported
    compared = _COMPARED.match(tree.expression, end)
    negated = tree.expression[start + 1 : compared.end() if compared else end].strip()
    is_null = node["type"] != "subexpression" or all(each["type"] == "field" for each in node["children"][1:])
    outcome = "this is always null" if is_null else "the rest of the path is applied to true or false"
    message = f"! binds tighter than the rest of the path, so {outcome}"
    yield Problem(NEGATION, message, start, end, f"write !({negated})")


def _is_uncallable(node: Node) -> bool:
    """Whether a node calls a function that JMESPath does not have, or with a wrong number of arguments."""
    return node["type"] == "function_expression" and not is_callable(node["value"], len(node["children"]))


def _check_slice(_tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    if node["children"][2] == 0:
        message = "the step of a slice must not be 0"
        yield Problem(ALWAYS_FAILS, message, start, end, fatal=True)


def _check_call(_tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    name: str = node["value"]
    signature = SIGNATURES.get(name)
    if signature is None:
        message = f'unknown function "{name}"'
        yield Problem(UNKNOWN_FUNCTION, message, start, start + len(name), fatal=True)
        return
    actual, needed = len(node["children"]), len(signature)
    variadic = signature[-1].get("variadic", False)
    if actual < needed or (actual > needed and not variadic):
        message = _argument_count_message(name, actual, needed, variadic=variadic)
        yield Problem(ARGUMENT_COUNT, message, start, end, fatal=True)


def _argument_count_message(name: str, actual: int, needed: int, *, variadic: Any) -> str:
    least = "at least " if variadic else ""
    plural = "" if needed == 1 else "s"
    return f"{name}() takes {least}{needed} argument{plural}, not {actual}"


_CHECKS: Final[dict[str, Callable[[Tree, Node, int, int], Iterator[Problem]]]] = {
    "function_expression": _check_call,
    "slice": _check_slice,
    # These bind less tightly than ! in JMESPath, and are always null for a boolean.
    "subexpression": _check_negation,
    "filter_projection": _check_negation,
    "flatten": _check_negation,
    "value_projection": _check_negation,
}
