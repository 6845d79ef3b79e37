"""What can be known of an expression before any message: its syntax, its functions, their arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from streamroute.compiler.cost import cost_of
from streamroute.compiler.functions import SIGNATURES
from streamroute.compiler.parsing import Node, Tree, parse, walk
from streamroute.compiler.problems import ExpressionError, Problem
from streamroute.config.diagnostics import Severity
from streamroute.config.rules import RULES
from streamroute.config.suggestions import did_you_mean

_LONG: Final = 100  # characters; a shorter one cannot multiply much

_FOREIGN: Final = {
    "len": "length", "size": "length", "count": "length", "startswith": "starts_with", "str": "to_string",
    "endswith": "ends_with", "includes": "contains", "has": "contains", "string": "to_string",
    "number": "to_number", "int": "to_number", "float": "to_number", "coalesce": "not_null",
    "average": "avg", "mean": "avg", "round": "floor", "concat": "join",
}  # fmt: skip
"""What other languages call them; too far apart in letters to be guessed."""


def check_expression(expression: str) -> list[Problem]:
    """Everything that is wrong, or probably wrong, with an expression whatever the message."""
    try:
        tree = parse(expression)
    except ExpressionError as error:
        return [error.problem]
    return list(check_tree(tree))


def check_tree(tree: Tree) -> Iterator[Problem]:
    """The problems of an expression that parsed."""
    for node, start, end in walk(tree.root, 0, len(tree.expression)):
        check = _CHECKS.get(node["type"])
        if check is not None:
            yield from check(tree, node, start, end)
    if len(tree.expression) >= _LONG and not cost_of(tree.root).is_sane:
        message = "the expression multiplies what it is given, again and again"
        help_text = (
            "no message is too small for it: it is stopped at run time, which is a failure of the route"
        )
        yield Problem("SR309", message, 0, len(tree.expression), help_text)


def blocking(tree: Tree) -> Problem | None:
    """The first problem that keeps an expression from being compiled; a warning does not."""
    problems = (found for found in check_tree(tree) if RULES[found.code].severity is Severity.ERROR)
    return next(problems, None)


def _check_negation(tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    if node["children"][0]["type"] != "not_expression" or tree.expression[start] != "!":
        return  # (!a).b is odd, but says what it means
    negated = tree.expression[start + 1 : end].strip()
    message = "! binds tighter than what follows the name, so that this is always null"
    yield Problem("SR307", message, start, end, f"write !({negated})")


def _check_slice(_tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    if node["children"][2] == 0:
        yield Problem("SR306", "a slice with a step of 0 always fails", start, end)


def _check_call(_tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    name: str = node["value"]
    signature = SIGNATURES.get(name)
    if signature is None:
        meant = _FOREIGN.get(name.lower()) or did_you_mean(name, SIGNATURES)
        yield Problem("SR302", f'unknown function "{name}"', start, start + len(name), suggestion=meant)
        return
    given, needed = len(node["children"]), len(signature)
    variadic = signature[-1].get("variadic", False)
    if given < needed or (given > needed and not variadic):
        yield Problem("SR304", _miscounted(name, given, needed, variadic=variadic), start, end)


def _miscounted(name: str, given: int, needed: int, *, variadic: Any) -> str:
    least = "at least " if variadic else ""
    plural = "" if needed == 1 else "s"
    return f'the function "{name}" takes {least}{needed} argument{plural}, not {given}'


_CHECKS: Final[dict[str, Callable[[Tree, Node, int, int], Iterator[Problem]]]] = {
    "function_expression": _check_call,
    "slice": _check_slice,
    # What JMESPath binds less tightly than !, and is always null of a truth value.
    "subexpression": _check_negation,
    "filter_projection": _check_negation,
    "value_projection": _check_negation,
}
