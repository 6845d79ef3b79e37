"""A filter says yes by JMESPath's truth, and fails with one exception, in plain words."""

from __future__ import annotations

import weakref
from typing import Any

import jmespath
import pytest
from hypothesis import example, given, reject, settings
from jmespath.exceptions import JMESPathError

from depth import examples
from expression_cases import documents, expressions, payloads
from streamroute.expressions.evaluate.interpreter import is_falsy
from streamroute.expressions.filters import FilterError, compile_filter, is_pure, no_match
from streamroute.expressions.problem import ExpressionError
from streamroute.message import Message

FALSE: list[Any] = [None, False, "", [], {}]


@pytest.mark.parametrize("value", [*FALSE, 0, 0.0, 1, True, "a", " ", [0], [None], {"a": None}])
def test_truth_is_jmespath_s_and_zero_is_true(value: Any) -> None:
    expected = repr(value) not in map(repr, FALSE)
    payload = {"a": value}
    assert compile_filter("a")(payload) is expected
    assert compile_filter("@.a")(payload) is expected
    assert compile_filter("!a")(payload) is not expected
    assert compile_filter("a && `1`")(payload) is expected
    assert compile_filter("a || `null`")(payload) is expected
    assert compile_filter("b || a")(payload) is expected
    assert compile_filter("[a][0]")(payload) is expected


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("payload", [{"a": True}, {"a": False}, {"a": None}, {"a": "4"}, {"a": [4]}, {}])
def test_unorderable_values_do_not_match_in_either_direction(operator: str, payload: dict[str, Any]) -> None:
    """An ordering of a truth value and a number is null: false as a filter, and true where it is negated."""
    for expression in (f"a {operator} `5`", f"`5` {operator} a", f"`true` {operator} `5`"):
        assert compile_filter(expression)(payload) is False
        assert compile_filter(f"!({expression})")(payload) is True
        assert compile_filter(f"({expression}) == `null`")(payload) is True


@pytest.mark.parametrize(
    ("call", "value", "expected"),
    [
        ("length(a)", [], True),
        ("length(a)", "", True),
        ("length(a)", {}, True),
        ("length(a)", "x", True),
        ("sum(a)", [], True),
        ("avg(a)", [], False),
        ("abs(a)", 0, True),
        ("ceil(a)", 0.0, True),
        ("floor(a)", 0.5, True),
        ("to_number(a)", "0", True),
        ("to_number(a)", "x", False),
    ],
)
def test_every_number_is_true(call: str, value: Any, expected: bool) -> None:
    payload = {"a": value}
    assert compile_filter(call)(payload) is expected
    assert compile_filter(f"!{call}")(payload) is not expected
    assert compile_filter(f"{call} && `true`")(payload) is expected
    assert compile_filter(f"{call} || `false`")(payload) is expected


@settings(max_examples=examples(3))
@given(expressions, payloads | documents)
@example("a == b", {"a": 1, "b": True})
@example("a == `1`", {"a": True})
@example("a == `true`", {"a": 1})
@example("a == `0`", {"a": False})
@example("a != `1`", {"a": True})
@example("a != b", {"a": 1.0, "b": 1})
@example("a.b.c", {"a": {"b": None}})
@example("a[?b == `1`].c | [0]", {"a": [{"b": 1, "c": 2}]})
def test_a_filter_equals_the_library_but_for_mixed_orderings(expression: str, payload: Any) -> None:
    try:
        accepts = compile_filter(expression)
    except ExpressionError:
        reject()
    try:
        expected = not is_falsy(jmespath.search(expression, payload))
    except TypeError:
        reject()  # The library's bare TypeError: a mixed ordering, or a function over mixed values.
    except (JMESPathError, ValueError, OverflowError):
        with pytest.raises(FilterError):
            accepts(payload)
    else:
        assert accepts(payload) is expected


@given(expressions, payloads)
def test_a_message_is_filtered_as_its_plain_payload(expression: str, payload: dict[str, Any]) -> None:
    try:
        accepts = compile_filter(expression)
    except ExpressionError:
        reject()
    try:
        expected = accepts(payload)
    except FilterError:
        with pytest.raises(FilterError):
            accepts(Message(payload))
    else:
        assert accepts(Message(payload)) is expected


def test_a_failing_filters_error_shows_no_payload_values() -> None:
    accepts = compile_filter("contains(tags, 'vip')")
    with pytest.raises(FilterError) as caught:
        accepts({"tags": None, "secret": "s3cret"})
    assert str(caught.value) == (
        "the filter contains(tags, 'vip') failed: contains() takes array or string, not null"
    )
    assert caught.value.expression == "contains(tags, 'vip')"


def test_a_payload_nested_too_deep_is_a_filter_error() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(FilterError, match="nested too deep"):
        compile_filter("to_string(a) == 'x'")({"a": deep})


def test_an_expression_with_a_problem_is_not_compiled() -> None:
    with pytest.raises(ExpressionError, match='did you mean "length"'):
        compile_filter("lenght(a)")


def test_a_filter_knows_its_expression() -> None:
    assert compile_filter("a == 'x'").expression == "a == 'x'"


def test_on_filter_error_no_match_is_false_and_warns_of_the_first() -> None:
    warned: list[FilterError] = []
    lenient = no_match(compile_filter("abs(a) > `1`"), warned.append)
    assert lenient({"a": "x"}) is False
    assert lenient({"a": None}) is False
    assert lenient({"a": -2}) is True
    assert [error.cause for error in warned] == ["abs() takes number, not string"]


def test_a_long_filter_is_shortened_in_its_error() -> None:
    accepts = compile_filter(" && ".join(["abs(a) > `1`"] * 30))
    with pytest.raises(
        FilterError, match=r"the filter abs\(a\) > `1` && .*\.\.\. failed: abs\(\) takes number"
    ):
        accepts({"a": "x"})


def test_any_python_exception_is_a_filter_error() -> None:
    with pytest.raises(FilterError, match="failed: TypeError"):
        compile_filter("max_by(a, &b) == `1`")({"a": [{"b": 1}, {"b": "x"}]})


def test_a_filter_is_compiled_again_only_when_it_is_not_in_use() -> None:
    first = compile_filter("in_use == 'one'")
    assert compile_filter("in_use == 'one'") is first
    assert compile_filter("in_use == 'two'") is not first
    known = weakref.ref(first)
    del first
    assert known() is None
    assert compile_filter("in_use == 'one'")({"in_use": "one"}) is True


@given(expressions, payloads)
def test_a_pure_filter_decides_on_a_payload_as_on_its_message(
    expression: str, payload: dict[str, Any]
) -> None:
    try:
        accepts = compile_filter(expression)
    except ExpressionError:
        reject()
    verdicts: list[object] = []
    for each in (payload, Message(payload)):
        try:
            verdicts.append(accepts(each))
        except FilterError as error:
            verdicts.append(str(error))
    assert verdicts[0] == verdicts[1] or not is_pure(accepts)


def test_a_cheap_filter_that_was_compiled_is_pure_and_nothing_else() -> None:
    cheap = compile_filter("tier == 'gold'")
    assert is_pure(cheap)
    assert is_pure(no_match(cheap, lambda _error: None))
    costly = compile_filter(" && ".join(["length(a[?b]) > `1`"] * 20))
    assert not is_pure(costly)
    assert not is_pure(no_match(costly, lambda _error: None))
    assert not is_pure(lambda _payload: False)
    assert not is_pure({})
