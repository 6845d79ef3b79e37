"""What an expression costs is known beforehand, and what would take too long is stopped."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from depth import examples
from expression_cases import expressions, payloads
from streamroute.errors import Reject
from streamroute.expressions.evaluate.cost_limit import MAX_COST, BudgetedInterpreter, TooCostlyError
from streamroute.expressions.evaluate.cost_model import cost_of, size_of
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.filters import FilterError, compile_filter
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.transforms import compile_transform
from streamroute.expressions.values import compile_value
from streamroute.message import Message

COMMON_WORDS = (
    "guest.tier == 'gold' && nights >= `3`",
    "contains(tags, 'vip')",
    "items[?price > `10` && contains(tags, 'a')]",
    "starts_with(email, 'a') || ends_with(email, 'b')",
    "max_by(items, &price).sku == 'A'",
    "{email: guest.email, tags: items[].tags[]}",
)
HOSTILE = (
    " | ".join(["[@, @][]"] * 40),
    " | ".join(["[@, @]"] * 50) + " | to_string(@)",
    " | ".join(["[@, @]"] * 50) + " | @ == [@[0], @[1]]",
    " | ".join(["{a: @, b: @}"] * 50) + " | to_string(@)",
    " | ".join(["map(&[@, @], [@, @])[]"] * 20),
    " | ".join(["join('', [to_string(@), to_string(@)])"] * 40),
)


class Counting(BudgetedInterpreter):
    """A meter that also counts its steps."""

    steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self.steps += 1
        return super().visit(node, *args, **kwargs)


@settings(max_examples=examples(3))
@given(expressions, payloads)
def test_the_cost_model_bounds_steps_and_result_sizes(expression: str, payload: dict[str, Any]) -> None:
    try:
        root = parse(expression).root
    except ExpressionError:
        reject()
    cost, meter = cost_of(root), Counting()
    try:
        value = meter.visit(root, payload)
    except Exception:  # noqa: BLE001 - many of them fail for this payload
        reject()
    assert meter.steps <= 2 * cost.steps.at(size_of(payload))
    assert size_of(value) <= cost.size.at(size_of(payload)) + 1


@settings(max_examples=examples(3))
@given(expressions, payloads)
def test_a_metered_value_is_the_value(expression: str, payload: dict[str, Any]) -> None:
    try:
        root = parse(expression).root
    except ExpressionError:
        reject()
    assert _outcome(lambda: BudgetedInterpreter().visit(root, payload)) == _outcome(
        lambda: evaluate(root, payload)
    )


@pytest.mark.parametrize("expression", COMMON_WORDS)
def test_ordinary_expressions_are_not_counted(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is their message measured, unless it is larger than its entry can tell."""
    value, accepts, counted = compile_value(expression), compile_filter(expression), list[object]()

    class Noted(BudgetedInterpreter):
        def __init__(self) -> None:
            counted.append(self)
            super().__init__()

    monkeypatch.setattr("streamroute.expressions.evaluate.cost_limit.BudgetedInterpreter", Noted)
    monkeypatch.setattr("streamroute.expressions.evaluate.cost_limit._size", counted.append)
    for evaluate_it in (value, accepts):
        with suppress(FilterError, JMESPathError):
            evaluate_it(Message({"type": "t"}, fields={b"data": b"x"}))
    assert counted == []
    assert check_expression(expression) == []


@pytest.mark.parametrize("expression", HOSTILE)
def test_a_hostile_expression_is_stopped(expression: str) -> None:
    payload = {"type": "t"}
    with pytest.raises(FilterError, match="too many steps"):
        compile_filter(expression)(payload)
    with pytest.raises(TooCostlyError):
        compile_value(expression)(payload)
    with pytest.raises(Reject, match="too many steps"):
        compile_transform(expression)(payload)


@pytest.mark.parametrize("expression", HOSTILE)
def test_a_hostile_expression_is_stopped_for_a_large_message(expression: str) -> None:
    with pytest.raises(FilterError, match="too many steps"):
        compile_filter(expression)({"type": "t", "list": [{}] * 1000})


@pytest.mark.parametrize("expression", HOSTILE)
def test_a_hostile_expression_is_found_by_check(expression: str) -> None:
    [problem] = check_expression(expression)
    assert (problem.code, problem.start, problem.end) == ("SR309", 0, len(expression))


def test_a_costly_expression_runs_on_a_small_payload() -> None:
    skus = [f"sku-{n}" for n in range(200)]
    accepts = compile_filter(f"items[?contains(`{skus}`, sku)]".replace("'", '"'))
    items = [{"sku": "sku-199"}] * 500
    assert accepts({"items": items})
    assert not accepts({"items": [{"sku": "none"}] * 500})


def test_the_size_of_a_message_is_that_of_its_fields() -> None:
    """It is not walked through: a large one is told by its bytes."""
    accepts = compile_filter("length(join(glue, names)) > `0`")
    payload = {"glue": "x" * 30_000, "names": ["y"] * 30_000}
    fields = {b"data": b"x" * 30_000 + b'"y",' * 30_000}
    for message in (payload, Message(payload, fields=fields)):
        with pytest.raises(FilterError, match="too many steps"):
            accepts(message)
    assert accepts(Message({"glue": ", ", "names": ["a", "b"]}, fields={b"data": b"small"}))


def test_shared_parts_count_as_often_as_they_are_walked_through() -> None:
    value: Any = []
    for _ in range(60):
        value = [value, value]
    assert MAX_COST < size_of(value, MAX_COST) < 2 * MAX_COST + 10


@given(
    st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=10)
)
def test_a_list_is_one_larger_than_its_element(value: Any) -> None:
    assert size_of([value]) == size_of(value) + 1


def _outcome(evaluation: Any) -> tuple[str, Any]:
    try:
        return "value", evaluation()
    except Exception as error:  # noqa: BLE001 - it is the outcome
        return type(error).__name__, str(error)
