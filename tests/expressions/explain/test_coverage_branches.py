"""Branches: each operand of ``&&``, ``||`` and ``!`` that tests should see true and false."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, reject

from expression_cases import expressions, payloads
from streamroute.expressions.explain.coverage_branches import branches, covered
from streamroute.expressions.explain.trace import trace
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.parser import parse


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("nights >= `3`", []),
        ("a && b", ["a", "b"]),
        ("a && (b || !c) && d", ["a", "b", "c", "d"]),
        ("!(a == 'x')", ["a == 'x'"]),
        ("length(tags || `[]`) > `1`", ["tags"]),
        ("items[?price > `1` && stock]", ["price > `1`", "stock"]),
    ],
)
def test_operands_are_branches_in_the_order_of_the_text_and_literals_are_none(
    expression: str, expected: list[str]
) -> None:
    assert [branch.text for branch in branches(parse(expression))] == expected


def truths(expression: str, payload: Any) -> dict[str, set[bool]]:
    return {branch.text: truths for branch, truths in covered(trace(expression, payload)).items()}


def test_a_branch_is_covered_by_its_observed_truths() -> None:
    assert truths("a && b", {"a": 1}) == {"a": {True}, "b": {False}}


def test_a_branch_that_was_not_reached_is_not_covered() -> None:
    assert truths("a && b", {"b": 1}) == {"a": {False}}


def test_a_branch_over_a_list_may_be_both_at_once() -> None:
    payload = {"items": [{"price": 1, "stock": 1}, {"price": 9, "stock": 1}]}
    assert truths("items[?price > `1` && stock]", payload) == {"price > `1`": {True, False}, "stock": {True}}


@given(expressions, payloads)
def test_covered_parts_are_branches(expression: str, payload: Any) -> None:
    try:
        traced = trace(expression, payload)
    except ExpressionError:
        reject()
    assert covered(traced).keys() <= set(branches(traced.tree))
