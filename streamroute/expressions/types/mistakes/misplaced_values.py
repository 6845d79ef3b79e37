"""Lists, objects and literals in place of a condition, or of one of several values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from streamroute.expressions.syntax.parser import Node, chain, children
from streamroute.expressions.types.algebra.truthiness import may_be_true
from streamroute.expressions.types.algebra.type_operations import of_value
from streamroute.expressions.types.mistakes.malformed_literals import with_replaced
from streamroute.expressions.types.nodes import is_literal
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.text.lazy_pattern import lazy_pattern

COLLECTION: Final = "SR320"
ALTERNATIVES: Final = "SR321"

_CHAINS: Final = frozenset({"and_expression", "or_expression"})
_CONDITIONS: Final = frozenset({"comparator", "not_expression", "function_expression", *_CHAINS})
_BINDING: Final = frozenset({"comparator", "not_expression", "subexpression", *_CHAINS})
_SIGNS_OF_CHAINS: Final = {"and_expression": " && ", "or_expression": " || "}
_SIGNS: Final = {"eq": "==", "ne": "!="}
_SEARCHES: Final = frozenset({"contains", "starts_with", "ends_with"})
_PLAIN: Final = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MAX_ALTERNATIVES: Final = 5
"""The most alternatives that advice lists."""


def is_collection(node: Node) -> bool:
    """Whether a node is ``[a, b]`` or ``{x: a}``."""
    return node["type"] in ("multi_select_list", "multi_select_dict")


def report_collection(report: ProblemReport, node: Node) -> None:
    """Report a list or an object in place of a condition."""
    what = "list" if node["type"] == "multi_select_list" else "object"
    message = f"{report.short(node)} is a non-empty {what}, which is always true"
    report.add(COLLECTION, node, message, _meant_conditions(report, node), constant=True)


def _meant_conditions(report: ProblemReport, node: Node) -> str | None:
    if node["type"] == "multi_select_list":
        parts = [_as_condition(report, part) for part in node["children"]]
    else:
        parts = [_as_pair(report, pair) for pair in node["children"]]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len(known) > _MAX_ALTERNATIVES:
        return "write a comparison, such as guest.tier == 'gold' && nights >= `3`"
    return f"if all parts are required, {_replacement(report, node, known, 'and_expression')}"


def _as_condition(report: ProblemReport, node: Node) -> str | None:
    if is_literal(node):
        return None
    text = report.text(node)
    return f"({text})" if node["type"] in ("or_expression", "pipe") else text


def _as_pair(report: ProblemReport, pair: Node) -> str | None:
    """``tier: 'gold'`` as ``tier == 'gold'``; a named condition without its name."""
    [value] = pair["children"]
    if not is_literal(value):
        return _as_condition(report, value) if value["type"] in _CONDITIONS else None
    name = pair["value"] if _PLAIN.match(pair["value"]) else json.dumps(pair["value"], ensure_ascii=False)
    return f"{name} == {report.text(value)}"


def check_alternatives(report: ProblemReport, node: Node) -> None:
    """Report a chain of ``&&`` or ``||``, used for its value, that is constant because of its literals."""
    is_and, operands = node["type"] == "and_expression", chain(node)
    decisive = next((each for each in operands[:-1] if is_literal(each) and _is_true(each) != is_and), None)
    if decisive is None and not all(map(is_literal, operands)):
        return
    result = decisive if decisive is not None else operands[-1]
    sign, first = (
        ("&&", "the first false operand, or the last one") if is_and else ("||", "the first true operand")
    )
    message = f"{report.short(node)} is always {report.text(result)}: {sign} returns {first}"
    if decisive is not None and not is_literal(operands[0]):
        message = f"the operands after {report.text(decisive)} are never used: {sign} returns {first}"
    report.add(ALTERNATIVES, node, message, _intended_comparisons(report, node, operands))


def _is_true(node: Node) -> bool:
    return may_be_true(of_value(node["value"]))


def _intended_comparisons(report: ProblemReport, node: Node, operands: list[Node]) -> str | None:
    """Advice for ``tier == ('gold' || 'silver')``: a comparison for each value."""
    if report.is_long or not all(map(is_literal, operands)) or len(operands) > _MAX_ALTERNATIVES:
        return None
    around = parent_of(report, node)
    if around is None:
        return None
    parts = [_with(report, around, node, each) for each in operands]
    known = [part for part in parts if part is not None]
    kind = "and_expression" if around.get("value") == "ne" else "or_expression"
    return _replacement(report, around, known, kind) if len(known) == len(parts) else None


def _with(report: ProblemReport, around: Node, node: Node, literal: Node) -> str | None:
    """The surrounding comparison or search, with only one of the literals."""
    text, parts = report.text(literal), children(around)
    if around["type"] == "comparator" and around["value"] in _SIGNS:
        left, right = (text if part is node else report.operand(part) for part in parts)
        return f"{left} {_SIGNS[around['value']]} {right}"
    if around["type"] == "function_expression" and around["value"] in _SEARCHES:
        return (
            f"{around['value']}({', '.join(text if part is node else report.text(part) for part in parts)})"
        )
    return None


def parent_of(report: ProblemReport, node: Node) -> Node | None:
    """The node that has this node as an operand."""
    nodes = _nodes(report.tree.root)
    return next((each for each in nodes if any(part is node for part in children(each))), None)


def _replacement(report: ProblemReport, node: Node, parts: list[str], kind: str) -> str:
    """Advice to replace a part by a chain, in parentheses if needed."""
    text, around = _SIGNS_OF_CHAINS[kind].join(parts), parent_of(report, node)
    binds_tighter = around is not None and around["type"] in _BINDING and around["type"] != kind
    start, end = report.span(node)
    is_enclosed = report.tree.expression[:start].endswith("(")
    if len(parts) > 1 and binds_tighter and not is_enclosed:
        text = f"({text})"
    placed: Node = {**node, "start": start, "end": end}
    return with_replaced(report.tree, [(placed, text)]) or f"write {text}"


def continued(report: ProblemReport, node: Node) -> str | None:
    """Advice for the literal in ``tier == 'gold' || 'silver'``: the comparison that was meant."""
    for joined in _nodes(report.tree.root):
        if joined["type"] not in _CHAINS:
            continue
        operands = chain(joined)
        if any(each is node for each in operands):
            return _continued(report, joined["type"], operands)
    return None


def _continued(report: ProblemReport, kind: str, operands: list[Node]) -> str | None:
    """Compare each literal as the one before it: ``==`` with ``||``, ``!=`` with ``&&``."""
    sign, groups = (" && " if kind == "and_expression" else " || "), list(_groups(operands))
    if is_literal(groups[0][0]) or all(len(group) == 1 for group in groups):
        return None
    parts = []
    for first, *literals in groups:
        texts = [report.text(first)]
        if literals:
            left, operator = report.operand(first["children"][0]), _SIGNS[first["value"]]
            texts += [f"{left} {operator} {report.text(each)}" for each in literals]
        joined = (" || " if first.get("value") == "eq" else " && ").join(texts)
        parts.append(f"({joined})" if literals and len(groups) > 1 and sign not in joined else joined)
    return f"write {sign.join(parts)}"


def _groups(operands: list[Node]) -> Iterator[list[Node]]:
    """Yield the operands in groups: each comparison with the literals that continue it."""
    group: list[Node] = []
    for each in operands:
        if group and is_literal(each) and compares_with_literal(group[0]):
            group.append(each)
            continue
        if group:
            yield group
        group = [each]
    yield group


def piped(report: ProblemReport, node: Node) -> str | None:
    """Advice for ``|`` after a condition, if ``||`` was meant."""
    for each in _nodes(report.tree.root):
        if each["type"] != "pipe" or each["children"][0]["type"] not in _CONDITIONS:
            continue
        left, right = each["children"]
        if any(part is node for part in _nodes(right)):
            condition = f"{report.text(left)} || {report.text(right)}"
            return f"| passes its result to the next expression: write {condition}"
    return None


def continuing(node: Node) -> frozenset[int]:
    """The ids of string operands that continue a comparison before them, or have operands after them."""
    ids: set[int] = set()
    continues, operands = False, chain(node)
    for each in operands:
        is_string = is_literal(each) and isinstance(each["value"], str)
        if is_string and (continues or each is not operands[-1]):
            ids.add(id(each))
        continues = compares_with_literal(each) or (is_string and continues)
    return frozenset(ids)


def compares_with_literal(node: Node) -> bool:
    """Whether a node is ``x == 'literal'`` or its negation."""
    return (
        node["type"] == "comparator"
        and node["value"] in _SIGNS
        and is_literal(node["children"][1])
        and not is_literal(node["children"][0])
    )


def _nodes(root: Node) -> Iterator[Node]:
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))
