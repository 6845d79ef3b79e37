"""Conditions that are always true or always false, and orderings that are always null."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from streamroute.expressions.syntax.parser import Node, chain
from streamroute.expressions.types.algebra.comparability import may_be_equal
from streamroute.expressions.types.algebra.json_types import BOOLEAN, UNKNOWN, Type, is_never
from streamroute.expressions.types.algebra.truthiness import may_be_false, may_be_true
from streamroute.expressions.types.algebra.type_operations import of_value
from streamroute.expressions.types.mistakes.misplaced_values import continued, parent_of, piped
from streamroute.expressions.types.narrowing import assume
from streamroute.expressions.types.nodes import Path, is_call, is_literal, is_scalar, parts_of, path_of
from streamroute.expressions.types.phrases import TYPE_ALIASES, any_kind, any_value, as_literal, is_numeric
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope
from streamroute.text.truncation import clip

CONTRADICTION: Final = "SR311"
NUMBER_AS_CONDITION: Final = "SR313"
CONSTANT: Final = "SR314"
UNCOMPARABLE: Final = "SR316"
CONSTANT_BY_SCHEMA: Final = "SR318"

Infer = Callable[[Node, Scope], Type]


def check(report: ProblemReport, node: Node, inferred: Type, scope: Scope, infer: Infer) -> None:
    """Report a condition that is always true or false, unless a condition around it is reported."""
    if inferred is UNKNOWN or inferred is BOOLEAN or report.is_muted or not report.conclusive:
        return
    if is_never(inferred):
        return
    true, false = may_be_true(inferred), may_be_false(inferred)
    if true == false:
        return
    if scope.is_narrowed and not _is_unconditional(report, node, scope.base, infer, true=true):
        if not true and not report.declared:
            _check_contradiction(report, node, scope, infer)
        return
    reason = None if true else _reason(report, node, scope.base, infer)
    _add_constant(report, node, inferred, reason, _declared_values(report, node, scope, infer), true=true)


def _declared_values(report: ProblemReport, node: Node, scope: Scope, infer: Infer) -> str | None:
    """The help that lists the schema's values for the path that is compared with a literal."""
    if not report.declared or node["type"] != "comparator":
        return None
    left, right = node["children"]
    side, other = (left, right) if is_literal(right) else (right, left)
    path = path_of(side)
    if not is_literal(other) or path is None:
        return None
    with report.muted():
        values = _literals(infer(side, Scope.of(scope.base)))
    if None not in values or _is_null_declared(scope.base, path):
        return f"the schema allows {any_value(values)} for {report.short(side)}" if values else None
    others = [value for value in values if value is not None]
    missing = "(a missing field is null)"
    return f"the schema allows {any_value(others)} for {report.short(side)} {missing}" if others else None


def _is_null_declared(t: Type, path: Path) -> bool:
    """Whether the schema allows null at a path, apart from missing fields."""
    if not path:
        return t.null
    fields = (shape.properties.get(path[0]) for shape in t.objects)
    return any(_is_null_declared(field.type.get(), path[1:]) for field in fields if field is not None)


def _is_unconditional(report: ProblemReport, node: Node, base: Type, infer: Infer, *, true: bool) -> bool:
    """Whether the condition has this truth even without the conditions before it."""
    with report.muted():
        alone = infer(node, Scope.of(base))
    return not is_never(alone) and may_be_true(alone) == true and may_be_false(alone) != true


def _check_contradiction(report: ProblemReport, node: Node, scope: Scope, infer: Infer) -> None:
    """Report ``tier == 'gold' && tier == 'silver'``: each may be true, but not both."""
    if node["type"] != "comparator" or node["value"] != "eq":
        return
    left, right = node["children"]
    side, other = (left, right) if is_literal(right) else (right, left)
    if not is_literal(other) or path_of(side) is None:
        return
    with report.muted():
        before = infer(side, Scope.of(scope.joined))
    known = _literals(before)
    if known and not may_be_equal(before, of_value(other["value"])):
        name, value = report.short(side), as_literal(other["value"])
        message = f"{name} cannot equal {value} here: the condition before && requires {any_value(known)}"
        report.add(CONTRADICTION, node, message, "write || if either may be true", constant=True)


def _literals(t: Type) -> list[object]:
    """The values of a type that consists of a few scalars."""
    if t.kinds & {"array", "object", "expref"} or t.numbers is None or t.strings is None:
        return []
    values = [*t.strings, *t.numbers, *t.booleans, *([None] if t.null else [])]
    return values if len(values) <= 6 else []


def _reason(report: ProblemReport, node: Node, base: Type, infer: Infer) -> str | None:
    """The message that says why a condition is always false, if the reason is known."""
    return _field_of_scalar(node) or _conflicting_types(report, node, base, infer)


def _field_of_scalar(node: Node) -> str | None:
    """The message about ``'abc'.x == 'y'``: a literal that is not an object has no fields."""
    what = "comparison" if node["type"] == "comparator" else "condition"
    sides = node["children"] if node["type"] == "comparator" else [node]
    for side in sides:
        if side["type"] != "subexpression":
            continue
        subject, field = side["children"][:2]
        if is_literal(subject) and is_scalar(subject["value"]) and field["type"] == "field":
            kind = any_kind(of_value(subject["value"]).kinds)
            return f'cannot read field "{clip(field["value"], 60)}" of {kind}, so the {what} is always false'
    return None


def _conflicting_types(report: ProblemReport, node: Node, base: Type, infer: Infer) -> str | None:
    """The message about ``length(a) > `2` && a > `3` ``: no type of a field satisfies both conditions."""
    operands = chain(node) if node["type"] == "and_expression" else []
    before = base
    for operand in operands[:_MAX_OPERANDS]:
        alone = assume(operand, base, outcome=True)
        for part in parts_of(operand):
            if path_of(part) in (None, ()):
                continue
            with report.muted():
                first, second = (infer(part, Scope.of(t)).kinds for t in (before, alone))
            if first and second and not first & second:
                kinds = f"{any_kind(first)} in one condition and {any_kind(second)} in another"
                return f"{report.short(part)} must be {kinds}, so the result is always false"
        before = assume(operand, before, outcome=True)
    return None


_MAX_OPERANDS: Final = 8


def _add_constant(
    report: ProblemReport, node: Node, inferred: Type, reason: str | None, values: str | None, *, true: bool
) -> None:
    text = report.short(node)
    if inferred.kinds == {"number"}:
        message = f"{text} is a number, and a number is always true, even 0"
        report.add(NUMBER_AS_CONDITION, node, message, _number_advice(report, node), constant=True)
    elif report.declared:
        message = f"{text} is always {_truth_word(true=true)} according to the schema"
        report.add(CONSTANT_BY_SCHEMA, node, message, values, constant=True)
    else:
        message = reason or f"{text} is always {_truth_word(true=true)}"
        report.add(CONSTANT, node, message, _advice(report, node, true=true), constant=True)


def _number_advice(report: ProblemReport, node: Node) -> str | None:
    if is_literal(node) or report.is_muted or report.is_long:
        return None
    around = parent_of(report, node)
    if around is not None and around["type"] == "not_expression":
        return f"compare it: {report.operand(node)} == `0`, without the !"
    return f"compare it: {report.operand(node)} > `0`"


def _advice(report: ProblemReport, node: Node, *, true: bool) -> str | None:
    if report.is_long:
        return None
    if is_literal(node):
        return continued(report, node) if true else None
    sliced = (
        _slice_advice(report, node)
        or _negation_advice(report, node)
        or _differs_from_all_advice(report, node)
    )
    if true or sliced:
        return sliced
    return piped(report, node) or _comparison_advice(report, node)


def _comparison_advice(report: ProblemReport, node: Node) -> str | None:
    """Advice for ``'tier' == 'gold'`` and for ``tags[*] == 'vip'``."""
    if node["type"] != "comparator" or not is_literal(node["children"][1]):
        return None
    left, right = node["children"]
    operator, value = _OPERATORS[node["value"]], report.text(right)
    if is_literal(left) and isinstance(left["value"], str) and isinstance(right["value"], str):
        name = (
            left["value"] if re.match(_NAME, left["value"]) else json.dumps(left["value"], ensure_ascii=False)
        )
        return f"a field name is not in single quotes: write {name} {operator} {value}"
    if left["type"] == "function_expression" and isinstance(right["value"], str):
        return _result_advice(report, left, operator, right["value"])
    if left["type"] in _PROJECTIONS:
        inside = f"{report.text(left)} | [?@ {operator} {value}]"
        comparison = inside if node is report.tree.root else f"({inside})"  # | has the lowest precedence
        return f"the left side is a list; filter its elements: {comparison}"
    return None


def _negation_advice(report: ProblemReport, node: Node) -> str | None:
    """Advice for ``!nights > `3` `` and ``!tier == 'gold'``."""
    if node["type"] != "comparator" or node["children"][0]["type"] != "not_expression":
        return None
    negated, right = node["children"]
    operator, left, value = (
        _OPERATORS[node["value"]],
        report.operand(negated["children"][0]),
        report.operand(right),
    )
    if operator in _NEGATED:
        return f"! binds tighter: write {left} {_NEGATED[operator]} {value}"
    return f"! binds tighter: write !({left} {operator} {value})"


def _differs_from_all_advice(report: ProblemReport, node: Node) -> str | None:
    """Advice for ``tier != 'gold' || tier != 'silver'``, which is always true."""
    operands = chain(node) if node["type"] == "or_expression" else []
    if not operands or not all(each["type"] == "comparator" and each["value"] == "ne" for each in operands):
        return None
    return f"every value differs from at least one of them: write {' && '.join(map(report.text, operands))}"


def _slice_advice(report: ProblemReport, node: Node) -> str | None:
    """Advice to write ``starts_with(id, 'AB')`` for ``id[:2] == 'AB'``."""
    if node["type"] != "comparator" or node["value"] not in ("eq", "ne"):
        return None
    left, right = node["children"]
    name = (
        _slice_test(left, right["value"]) if is_literal(right) and isinstance(right["value"], str) else None
    )
    if name is None:
        return None
    subject, sign = report.text(left).rpartition("[")[0], "" if node["value"] == "eq" else "!"
    return f"a string cannot be sliced: write {sign}{name}({subject}, {report.text(right)})"


def _slice_test(node: Node, value: str) -> str | None:
    """The function that is equivalent to ``id[:2] == 'AB'`` or ``id[-2:] == 'AB'`` in other languages."""
    if node["type"] == "subexpression":
        node = node["children"][-1]
    if node["type"] != "projection" or node["children"][1]["type"] != "identity":
        return None
    base = node["children"][0]
    if base["type"] != "index_expression" or base["children"][1]["type"] != "slice" or not value:
        return None
    begin, end, step = base["children"][1]["children"]
    if step not in (None, 1):
        return None
    if not begin and end == len(value):
        return "starts_with"
    return "ends_with" if begin == -len(value) and end is None else None


def _result_advice(report: ProblemReport, call: Node, operator: str, value: str) -> str | None:
    """Advice for a function's result that never equals the string on the other side."""
    if is_numeric(value):
        return f"a number is written in backticks: {report.text(call)} {operator} `{value}`"
    type_name = TYPE_ALIASES.get(value.lower()) if is_call(call, "type") else None
    return f"JMESPath calls it '{type_name}'" if type_name else None


_NEGATED: Final = {"==": "!=", "!=": "=="}
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z"
_OPERATORS: Final = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PROJECTIONS: Final = frozenset({"projection", "filter_projection", "flatten"})


def _truth_word(*, true: bool) -> str:
    return "true" if true else "false"


def check_ordering(report: ProblemReport, node: Node, left: Type, right: Type) -> None:
    """Report an ordering that is null for every message by its schema."""
    if not report.declared or {"null"} in (left.kinds, right.kinds):
        return
    kinds = [any_kind(t.kinds - {"null"}) for t in (left, right)]
    operator = _OPERATORS[node["value"]]
    message = f"cannot compare {kinds[0]} and {kinds[1]} with {operator}: the result is always null"
    report.add(UNCOMPARABLE, node, message, _ordering_help(report, node, left, right))


def _ordering_help(report: ProblemReport, node: Node, left: Type, right: Type) -> str:
    """Advice to write a literal in the other side's kind."""
    for literal, other in zip(node["children"], (right, left), strict=True):
        if not is_literal(literal):
            continue
        value = literal["value"]
        if isinstance(value, str) and other.has("number") and is_numeric(value):
            return f"write a number in backticks: `{value}`"
        if not isinstance(value, (str, bool)) and isinstance(value, (int, float)) and other.has("string"):
            path = node["children"][1 if literal is node["children"][0] else 0]
            return f"write a string in single quotes: '{value}', or to_number({report.text(path)})"
    return "compare two numbers or two strings"
