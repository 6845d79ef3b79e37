"""What can be known of an expression before any message: its syntax, its functions, their arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from streamroute.config.findings.finding import Severity
from streamroute.config.findings.rules import RULES
from streamroute.config.findings.suggestions import did_you_mean
from streamroute.expressions.evaluate.cost_model import cost_of
from streamroute.expressions.evaluate.interpreter import SIGNATURES, is_callable
from streamroute.expressions.problem import ExpressionError, Problem
from streamroute.expressions.syntax.parser import Node, Tree, parse, walk

_PATH_BEFORE: Final = r"(?<![\w.])([\w.]+)\.$"
_LONG: Final = 100  # characters; a shorter one cannot multiply much

_COMPARED: Final = re.compile(r"\s*[=!<>]=?\s*(?:'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)")
"""What a path is compared with: ``!a.b == 'x'`` is meant as the contrary of all of it."""

_FOREIGN: Final = {
    "len": "length", "size": "length", "count": "length", "startswith": "starts_with", "str": "to_string",
    "endswith": "ends_with", "includes": "contains", "string": "to_string",
    "number": "to_number", "int": "to_number", "float": "to_number", "coalesce": "not_null",
    "average": "avg", "mean": "avg", "round": "floor", "concat": "join",
}  # fmt: skip
"""What other languages call them; too far apart in letters to be guessed."""

ELEMENTS: Final = "ask a list for its elements: items[?price > `3`]"

_TESTS_PRESENCE: Final = frozenset({"has", "exists", "defined", "is_defined", "isset", "present", "has_key"})
_ABSENT: Final = {
    **dict.fromkeys(
        ("match", "matches", "regex", "regex_match", "re_match", "test", "like"),
        "JMESPath knows no patterns; there are starts_with, ends_with and contains",
    ),
    **dict.fromkeys(
        ("lower", "upper", "to_lower", "to_upper", "lowercase", "uppercase", "tolower", "toupper"),
        "JMESPath does not change case; name each spelling: contains(['gold', 'GOLD'], tier)",
    ),
    **dict.fromkeys(
        ("tolowercase", "touppercase", "casefold", "capitalize"),
        "JMESPath does not change case; name each spelling: contains(['gold', 'GOLD'], tier)",
    ),
    **dict.fromkeys(
        ("now", "today", "date", "timestamp", "utcnow"),
        "an expression knows the message alone, and no clock: compare times in the handler",
    ),
    **dict.fromkeys(("any", "some", "find", "filter", "where", "select"), ELEMENTS),
    **dict.fromkeys(("all", "every"), "ask for an element that is not so: !(items[?price <= `3`])"),
    "not": "JMESPath writes !(...) for not(...)",
    "in": "write contains(list, value)",
    **dict.fromkeys(("if", "iif", "ifelse"), "write condition && value || other"),
}
"""What to do instead of a function that JMESPath has no like of."""


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
    if _is_foreign_method(node["children"][-1]):
        return  # !tags.includes('x'), of which the whole is written anew
    compared = _COMPARED.match(tree.expression, end)
    negated = tree.expression[start + 1 : compared.end() if compared else end].strip()
    is_null = node["type"] != "subexpression" or all(each["type"] == "field" for each in node["children"][1:])
    outcome = "this is always null" if is_null else "what follows is asked of true or false"
    message = f"! binds tighter than what follows the name, so that {outcome}"
    yield Problem("SR307", message, start, end, f"write !({negated})")


def _is_foreign_method(node: Node) -> bool:
    """Whether a step is a call that JMESPath does not have, or not with these arguments."""
    return node["type"] == "function_expression" and not is_callable(node["value"], len(node["children"]))


def _check_slice(_tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    if node["children"][2] == 0:
        message = "a slice with a step of 0 fails on every list, and is null for anything else"
        yield Problem("SR306", message, start, end)


def _check_call(tree: Tree, node: Node, start: int, end: int) -> Iterator[Problem]:
    name: str = node["value"]
    signature = SIGNATURES.get(name)
    if signature is None:
        yield _unknown_function(tree, node, start, end)
        return
    given, needed = len(node["children"]), len(signature)
    variadic = signature[-1].get("variadic", False)
    if given < needed or (given > needed and not variadic):
        message = _miscounted(name, given, needed, variadic=variadic)
        yield Problem("SR304", message, start, end, _as_argument(tree, name, start, given, needed))


def _unknown_function(tree: Tree, node: Node, start: int, end: int) -> Problem:
    name: str = node["value"]
    small, within = name.lower(), (start, start + len(name))
    message, help_text = f'unknown function "{name}"', _ABSENT.get(small)
    if small in _TESTS_PRESENCE:
        inside = tree.expression[start + len(name) : end].strip("() \n")
        help_text = f"a path is null where it is missing: {inside} != `null`"
    is_method = tree.expression[start - 1 : start] == "."
    is_strange = small not in _ABSENT and small not in _FOREIGN and not did_you_mean(name, SIGNATURES)
    if is_method or is_strange or small == "not":
        whole = _as_meant(tree)
        if whole:
            return Problem("SR302", message, *within, help=whole)
    meant = None if help_text else _FOREIGN.get(small) or did_you_mean(name, SIGNATURES)
    return Problem("SR302", message, *within, help=help_text, suggestion=meant)


def _as_argument(tree: Tree, name: str, start: int, given: int, needed: int) -> str | None:
    """``tags.length()``: what a function works on is its argument, not what stands before a dot."""
    whole = _as_meant(tree)
    if whole:
        return whole
    path = re.search(_PATH_BEFORE, tree.expression[:start])
    if path is None or given != needed - 1:
        return None
    call = tree.expression[start + len(name) :].partition(")")[0].strip("( ")
    return f"write {name}({', '.join(part for part in (path[1], call) if part)})"


def _as_meant(tree: Tree) -> str | None:
    """Advice to write the whole expression as it was meant, where that is plain."""
    from streamroute.expressions.foreign.rewrite import rewritten  # what is right needs no other words

    whole = rewritten(tree.expression)
    return f"write {whole}" if whole else None


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
    "flatten": _check_negation,
    "value_projection": _check_negation,
}
