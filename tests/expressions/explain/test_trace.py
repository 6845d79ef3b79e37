"""A trace is the filter's own verdict, with the value of each part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, reject, settings, strategies

from depth import examples
from expression_cases import documents, expressions, payloads
from streamroute.expressions.explain.trace import Step, trace
from streamroute.expressions.explain.trace_explanation import reasons
from streamroute.expressions.filters import Filter, FilterError, compile_filter
from streamroute.expressions.problem import ExpressionError


def values(expression: str, payload: Any) -> dict[str, list[Any]]:
    """The values of each step by its text."""
    return {step.text: step.observed.values for step in trace(expression, payload).root.walk()}


def verdict(accepts: Filter, payload: Any) -> tuple[bool | None, str | None]:
    try:
        return accepts(payload), None
    except FilterError as error:
        return None, error.cause


def steps(expression: str, payload: Any) -> list[str]:
    return [step.text for step in trace(expression, payload).root.walk()]


@settings(max_examples=examples(2))
@given(expressions, payloads | documents)
def test_a_trace_is_the_filter_s_verdict(expression: str, payload: Any) -> None:
    """For any expression and payload: the same truth, or the same failure in the same words."""
    try:
        accepts = compile_filter(expression)
    except ExpressionError:
        reject()
    traced = trace(expression, payload)
    assert (traced.truth, traced.error) == verdict(accepts, payload)


@settings(max_examples=examples(1.5))
@given(expressions, payloads)
def test_every_step_lies_in_its_parent_and_every_verdict_has_a_reason(expression: str, payload: Any) -> None:
    try:
        traced = trace(expression, payload)
    except ExpressionError:
        reject()
    for step in traced.root.walk():
        assert all(step.start <= part.start <= part.end <= step.end for part in step.parts)
        assert step.text in expression
    assert all(reason.text for reason in reasons(traced))
    assert reasons(traced)


def test_each_part_has_its_value() -> None:
    payload = {"guest": {"tier": "gold"}, "nights": 1}
    assert values("guest.tier == 'gold' && nights >= `3`", payload) == {
        "guest.tier == 'gold' && nights >= `3`": [False],
        "guest.tier == 'gold'": [True],
        "guest.tier": ["gold"],
        "nights >= `3`": [False],
        "nights": [1],
    }


def test_skipped_parts_have_no_value() -> None:
    unreached = trace("a || b", {"a": 1}).root.parts[1]
    assert (unreached.text, unreached.observed.count, unreached.observed.truths) == ("b", 0, set())


def test_a_chain_is_one_step_with_its_operands() -> None:
    root = trace("a && b && !c", {"a": 1, "b": 2}).root
    assert [part.text for part in root.parts] == ["a", "b", "!c"]


def test_a_condition_in_a_list_has_a_value_for_each_item() -> None:
    payload = {"items": [{"price": price} for price in (5, 20, 30, 40)]}
    condition = trace("items[?price > `10`]", payload).root.parts[0]
    assert condition.text == "price > `10`"
    assert (condition.observed.count, condition.observed.values) == (4, [False, True, True])
    assert condition.observed.truths == {True, False}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a.b[0].c", ["a.b[0].c"]),
        ("a[*].b | [0]", ["a[*].b | [0]", "a[*].b", "[0]"]),
        ("items[?active].name", ["items[?active].name", "active"]),
        ("max_by(items, &a)[0]", ["max_by(items, &a)[0]", "max_by(items, &a)", "items", "a"]),
        ("{x: a, y: b.c}", ["{x: a, y: b.c}", "a", "b.c"]),
        ("contains(tags, 'x')", ["contains(tags, 'x')", "tags"]),
        ("a[*].{x: b}", ["a[*].{x: b}", "b"]),
        ("(a || b) && c", ["(a || b) && c", "a || b", "a", "b", "c"]),
    ],
)
def test_a_path_is_one_step_and_literals_are_none(expression: str, expected: list[str]) -> None:
    assert steps(expression, {"a": [], "items": [{"a": 1}], "tags": []}) == expected


def test_the_innermost_failed_part_has_the_error() -> None:
    traced = trace("!contains(tags, 'x') && b", {"tags": None})
    assert (traced.truth, traced.error) == (None, "contains() takes array or string, not null")
    assert [step.text for step in traced.root.walk() if step.error] == ["contains(tags, 'x')"]


def test_a_payload_nested_too_deep_is_an_error_of_the_trace() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert trace("to_string(a) == 'x'", {"a": deep}).error == "the payload is nested too deeply"


def test_an_expression_that_does_not_parse_is_not_traced() -> None:
    with pytest.raises(ExpressionError, match="is never closed"):
        trace("contains(a", {})


def reasons_of(expression: str, payload: Any) -> list[str]:
    return [reason.text for reason in reasons(trace(expression, payload))]


def test_a_step_lists_its_operands() -> None:
    root: Step = trace("a && `true`", {"a": 1}).root
    assert [operand.text for operand in root.operands] == ["a", "`true`"]
    assert root.parts[0].operands == ()


def test_a_step_is_shown_by_its_place_alone() -> None:
    """The payload may hold secrets, and the tree is long."""
    assert repr(trace("a && b", {"a": "secret"}).root) == "Step(start=0, end=6)"


def test_failed_parts_have_no_value() -> None:
    failed = trace("abs(a)", {"a": "x"})
    assert (failed.root.observed.values, failed.truth) == ([], None)
    assert trace("a", {"a": 5}).root.observed.values == [5]


# What takes too many steps


COSTLY = [
    *(f"a{' | [@, @][]' * times}" for times in (1, 5, 10, 16, 30)),
    *(f"{'[@, @][]' * times} | [0]" for times in (3, 20)),
    *(f"{'length(' * times}a{')' * times} > `1`" for times in (1, 2)),
    "join(join(b, a), a) == 'x'",
    "join(to_string(a), map(&join(to_string(@), $[*]), a)) == 'x'".replace("$", "a"),
    "length(join(b, a)) > `0`",
    "a[?contains(to_string(@), 'x')]",
    "sort(a)[0] == 'x'",
    "map(&to_string(@), a) == a",
    "a[*].[@, @, @][] | [?@ == 'x'] | [*].[@, @][] | [?@ == 'y']",
    "b == 'x' || a | [@, @][] | [@, @][] | [@, @][] | [@, @][] | [@, @][] | [@, @][] | [@, @][] | [0] == 'x'",
]
SIZES = (0, 1, 30, 3_000, 60_000)


@pytest.mark.parametrize(
    "size", [*SIZES[:3], *(pytest.param(size, marks=pytest.mark.deep) for size in SIZES[3:])]
)
@pytest.mark.parametrize("expression", COSTLY)
def test_a_trace_is_the_filter_s_verdict_beyond_its_budget(expression: str, size: int) -> None:
    payload = {"a": ["x"] * size, "b": "b" * size}
    accepts = compile_filter(expression)
    traced = trace(expression, payload)
    assert (traced.truth, traced.error) == verdict(accepts, payload)
    assert all(reason.text for reason in reasons(traced))
    assert traced.root.observed.truths <= {traced.truth}


@settings(max_examples=examples(0.3))
@given(expressions, payloads, strategies.integers(0, 30), strategies.sampled_from(SIZES))
def test_any_expression_made_costly_has_the_filter_s_verdict(
    expression: str, payload: Any, times: int, size: int
) -> None:
    doubled = f"{expression}{' | [@, @][]' * times}"
    try:
        accepts = compile_filter(doubled)
    except ExpressionError:
        reject()
    document = {"a": [payload] * size, "b": payload} if times % 2 else payload
    traced = trace(doubled, document)
    assert (traced.truth, traced.error) == verdict(accepts, document)


def test_a_filter_of_thirty_doublings_fails_here_as_it_does_at_work() -> None:
    traced = trace(f"a{' | [@, @][]' * 30}", {"a": ["x"] * 100})
    assert traced.error == "it takes too many steps for this message"


def test_a_trace_with_too_many_steps_is_cut_and_keeps_its_verdict() -> None:
    """The filter itself is cheap for its message, and so runs as code; only its record is long."""
    traced = trace("a[?@ == 'x'] && b == 'b'", {"a": ["x"] * 200_000, "b": "b"})
    assert (traced.truth, traced.error, traced.truncated) == (True, None, True)
    assert [reason.text for reason in reasons(traced)] == ["a[?@ == 'x'] && b == 'b' is true"]


def test_ctrl_c_ends_a_trace() -> None:
    class Interrupting(dict[str, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace("a == 'x'", Interrupting())
