"""Hints for functions of other languages."""

from __future__ import annotations

import re
from typing import Final

from streamroute.expressions.evaluate.interpreter import SIGNATURES
from streamroute.expressions.problem import Problem
from streamroute.expressions.static_checks import UNKNOWN_FUNCTION
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.expressions.translation.translate import translate
from streamroute.text.suggestions import did_you_mean

_PATH_BEFORE: Final = r"(?<![\w.])([\w.]+)\.$"

_EQUIVALENTS: Final = {
    "len": "length", "size": "length", "count": "length", "startswith": "starts_with", "str": "to_string",
    "endswith": "ends_with", "includes": "contains", "string": "to_string",
    "number": "to_number", "int": "to_number", "float": "to_number", "coalesce": "not_null",
    "average": "avg", "mean": "avg", "round": "floor", "concat": "join",
}  # fmt: skip
"""Names in other languages that are too different to be found by similarity."""

ELEMENTS: Final = "filter the elements of a list: items[?price > `3`]"

_PRESENCE_TESTS: Final = frozenset({"has", "exists", "defined", "is_defined", "isset", "present", "has_key"})
_ALTERNATIVES: Final = {
    **dict.fromkeys(
        ("match", "matches", "regex", "regex_match", "re_match", "test", "like"),
        "JMESPath has no regular expressions; use starts_with, ends_with or contains",
    ),
    **dict.fromkeys(
        ("lower", "upper", "to_lower", "to_upper", "lowercase", "uppercase", "tolower", "toupper"),
        "JMESPath cannot change case; list each spelling: contains(['gold', 'GOLD'], tier)",
    ),
    **dict.fromkeys(
        ("tolowercase", "touppercase", "casefold", "capitalize"),
        "JMESPath cannot change case; list each spelling: contains(['gold', 'GOLD'], tier)",
    ),
    **dict.fromkeys(
        ("now", "today", "date", "timestamp", "utcnow"),
        "an expression cannot read the clock; compare times in the handler",
    ),
    **dict.fromkeys(("any", "some", "find", "filter", "where", "select"), ELEMENTS),
    **dict.fromkeys(("all", "every"), "negate a filter: !(items[?price <= `3`])"),
    "not": "JMESPath writes !(...) for not(...)",
    "in": "write contains(list, value)",
    **dict.fromkeys(("if", "iif", "ifelse"), "write condition && value || other"),
}
"""Advice for functions without an equivalent in JMESPath."""


def advise(tree: Tree, problem: Problem) -> Problem:
    """Add advice to the problem of a call."""
    call = next(
        (node, end)
        for node, start, end in walk(tree.root, 0, len(tree.expression))
        if node["type"] == "function_expression" and start == problem.start
    )
    if problem.code == UNKNOWN_FUNCTION:
        return _with_equivalent(tree, problem, *call)
    return problem._replace(help=_translation(tree) or _as_argument(tree, problem, call[0]))


def _with_equivalent(tree: Tree, problem: Problem, node: Node, end: int) -> Problem:
    name: str = node["value"]
    lower = name.lower()
    help_text = _ALTERNATIVES.get(lower)
    if lower in _PRESENCE_TESTS:
        inside = tree.expression[problem.start + len(name) : end].strip("() \n")
        help_text = f"write {inside} != `null`; a missing field is null"
    equivalent = None if lower in _ALTERNATIVES else _EQUIVALENTS.get(lower) or did_you_mean(name, SIGNATURES)
    is_method = tree.expression[problem.start - 1 : problem.start] == "."
    is_strange = lower not in _ALTERNATIVES and not equivalent
    translation = _translation(tree) if is_method or is_strange or lower == "not" else None
    if translation:
        return problem._replace(help=translation)
    return problem._replace(help=help_text, suggestion=None if help_text else equivalent)


def _as_argument(tree: Tree, problem: Problem, node: Node) -> str | None:
    """Advice for ``tags.length()``: write the value before the dot as an argument."""
    name: str = node["value"]
    path = re.search(_PATH_BEFORE, tree.expression[: problem.start])
    if path is None or len(node["children"]) != len(SIGNATURES[name]) - 1:
        return None
    arguments = tree.expression[problem.start + len(name) :].partition(")")[0].strip("( ")
    return f"write {name}({', '.join(fragment for fragment in (path[1], arguments) if fragment)})"


def _translation(tree: Tree) -> str | None:
    """Advice to write the translation of the whole expression, if there is one."""
    translated = translate(tree.expression)
    return f"write {translated}" if translated else None
