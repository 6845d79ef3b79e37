"""Branches: each operand of ``&&``, ``||`` and ``!`` that tests should see true and false."""

from __future__ import annotations

from typing import Any

import pytest
from expression_cases import expressions, payloads
from hypothesis import given

from streamroute.compiler.branches import branches, covered
from streamroute.compiler.parsing import parse
from streamroute.compiler.problems import ExpressionError
from streamroute.compiler.tracing import trace


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


def test_a_branch_is_covered_by_what_it_was() -> None:
    assert truths("a && b", {"a": 1}) == {"a": {True}, "b": {False}}


def test_a_branch_that_was_not_reached_is_not_covered() -> None:
    assert truths("a && b", {"b": 1}) == {"a": {False}}


def test_a_branch_over_a_list_may_be_both_at_once() -> None:
    payload = {"items": [{"price": 1, "stock": 1}, {"price": 9, "stock": 1}]}
    assert truths("items[?price > `1` && stock]", payload) == {"price > `1`": {True, False}, "stock": {True}}


@given(expressions, payloads)
def test_what_is_covered_is_a_branch(expression: str, payload: Any) -> None:
    try:
        traced = trace(expression, payload)
    except ExpressionError:
        return
    assert covered(traced).keys() <= set(branches(traced.tree))
