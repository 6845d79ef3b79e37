"""Arguments that a function never accepts, or not for all messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from jmespath.exceptions import JMESPathTypeError

from streamroute.expressions.evaluate.interpreter import FUNCTIONS, SIGNATURES
from streamroute.expressions.syntax.parser import Node
from streamroute.expressions.types.algebra.function_results import KEYS, parameter_kinds
from streamroute.expressions.types.algebra.json_types import CERTAIN, Type, is_never
from streamroute.expressions.types.algebra.members import elements_of
from streamroute.expressions.types.nodes import is_literal, path_of
from streamroute.expressions.types.phrases import any_kind, as_literal, is_numeric, list_of_kinds
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope
from streamroute.text.kinds import Kind

WRONG_ARGUMENT: Final = "SR310"
WRONG_ELEMENTS: Final = "SR328"
MAY_BE_MISSING: Final = "SR317"

_ON_EMPTY: Final = "it fails unless the list is empty"
_INSTEAD: Final[dict[Kind, str]] = {"array": "`[]`", "string": "''", "object": "`{}`", "number": "`0`"}

_THE: Final[dict[Kind, str]] = {
    "array": "the list ",
    "string": "the string ",
    "object": "the object ",
    "number": "the number ",
}


def check(report: ProblemReport, node: Node, types: Sequence[Type], scope: Scope) -> bool:
    """Report arguments that make a call fail, always or for some messages; return whether it may succeed."""
    may_succeed = True
    for position, (argument, t) in enumerate(zip(node["children"], types, strict=True)):
        kinds, elements = parameter_kinds(node["value"], position)
        if not kinds or is_never(t):
            continue
        if _is_wrong(node["value"], position, argument, t):
            may_succeed = False
            _add_problem(report, node["value"], position, argument, t)
        elif report.declared:
            _check_missing(report, node["value"], argument, t, kinds, elements, scope)
    return may_succeed and _check_search(report, node, types)


def _is_wrong(name: str, position: int, argument: Node, t: Type) -> bool:
    kinds, elements = parameter_kinds(name, position)
    if t.kinds.isdisjoint(kinds):
        return True
    if is_literal(argument) and position < len(SIGNATURES[name]):
        return not _takes(name, position, argument["value"])
    if not elements or not t.kinds & kinds <= {"array"}:
        return False
    inner = elements_of(t)
    return not is_never(inner) and inner.kinds.isdisjoint(elements)


def _takes(name: str, position: int, value: Any) -> bool:
    """Whether the library's own check accepts this value."""
    try:
        FUNCTIONS._type_check_single(value, SIGNATURES[name][position]["types"], name)  # noqa: SLF001 - its check
    except JMESPathTypeError:
        return False
    return True


def _add_problem(report: ProblemReport, name: str, position: int, argument: Node, t: Type) -> None:
    kinds, elements = parameter_kinds(name, position)
    expected = _expected_phrase(kinds, elements)
    message = f"{name}() takes {expected}, not {_actual_phrase(argument, t, elements)}"
    if "array" in t.empty and "array" in kinds:
        report.add(WRONG_ELEMENTS, argument, f"{message}: {_ON_EMPTY}")
    else:
        report.add(WRONG_ARGUMENT, argument, message, _help(report, argument, kinds))


def _expected_phrase(kinds: frozenset[Kind], elements: frozenset[Kind]) -> str:
    return list_of_kinds(elements) if elements else any_kind(kinds)


def _actual_phrase(argument: Node, t: Type, elements: frozenset[Kind]) -> str:
    if is_literal(argument) and len(as_literal(argument["value"])) <= 30:
        return f"{_THE.get(next(iter(t.kinds)), '')}{as_literal(argument['value'])}"
    kinds = t.kinds - {"null"} or t.kinds
    if elements and kinds == {"array"}:
        return list_of_kinds(elements_of(t).kinds)
    return "a value" if len(kinds) > 3 else any_kind(kinds)


def _help(report: ProblemReport, argument: Node, kinds: frozenset[Kind]) -> str | None:
    text = report.text(argument)
    if kinds == {"expref"}:
        return f"write &{text}, which is evaluated for each element"
    if not is_literal(argument):
        return None
    value = argument["value"]
    if "string" in kinds and text.startswith("`"):
        return (
            f"a string is written in single quotes: '{text[1:-1]}'"
            if not isinstance(value, (list, dict))
            else None
        )
    if kinds == {"number"} and isinstance(value, str) and is_numeric(value):
        return f"a number is written in backticks: `{value}`"
    return None


def _check_search(report: ProblemReport, node: Node, types: Sequence[Type]) -> bool:
    """Report ``contains('abc', `1`)``: a string can only contain a string."""
    if node["value"] != "contains" or len(types) != 2:
        return True
    subject, search = types
    if subject.kinds != {"string"} or is_never(search) or search.has("string"):
        return True
    message = f"contains() searches a string for a string, not for {any_kind(search.kinds)}"
    report.add(WRONG_ARGUMENT, node["children"][1], message)
    return False


def _check_missing(
    report: ProblemReport,
    name: str,
    argument: Node,
    t: Type,
    kinds: frozenset[Kind],
    elements: frozenset[Kind],
    scope: Scope,
) -> None:
    if _may_be_null(t):
        if not scope.is_guarded(argument):
            _report_missing(report, name, argument, (kinds & t.kinds) or kinds)
    elif elements and t.kinds == {"array"} and _may_be_null(elements_of(t)):
        text = report.text(argument)
        base = text if path_of(argument) is not None else f"({text})"
        message = f"{name}() fails if an element of {report.short(argument)} is null"
        report.add(MAY_BE_MISSING, argument, message, f"write {base}[*], which removes nulls")


def _may_be_null(t: Type) -> bool:
    return t.null and t.uncertainty == CERTAIN and t.kinds != {"null"}


def _report_missing(report: ProblemReport, name: str, argument: Node, kinds: frozenset[Kind]) -> None:
    text = report.text(argument)
    fallback = next((_INSTEAD[kind] for kind in _INSTEAD if kind in kinds), None)
    inner = f"({text})" if argument["type"] == "pipe" else text
    help_text = None if fallback is None else f"write {inner} || {fallback}"
    message = f"{name}() fails if {report.short(argument)} is missing or null"
    report.add(MAY_BE_MISSING, argument, message, help_text)


def check_key(report: ProblemReport, name: str, expression: Node, body: Type, *, may_be_empty: bool) -> None:
    """Check the key of ``sort_by``, ``min_by`` and ``max_by``, which must be a number or a string."""
    if is_never(body):
        return
    if body.kinds.isdisjoint(KEYS):
        message = f"{name}() compares by {any_kind(KEYS)}, not {any_kind(body.kinds)}"
        if may_be_empty:
            report.add(WRONG_ELEMENTS, expression, f"{message}: {_ON_EMPTY}")
        else:
            report.add(WRONG_ARGUMENT, expression, message)
    elif report.declared and _may_be_null(body):
        text = report.operand(expression)
        message = f"{name}() fails if {report.short(expression)} is missing or null in an element"
        report.add(
            MAY_BE_MISSING, expression, message, f"filter out such elements first: [?{text} != `null`]"
        )
