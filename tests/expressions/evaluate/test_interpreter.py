"""The library evaluates, and streamroute departs from it only where it says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import jmespath
import pytest
from hypothesis import given, reject
from jmespath.exceptions import JMESPathError

from expression_cases import documents, expressions
from jmespath_suite import compliance_cases, needs_compliance
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.parser import parse
from streamroute.message import Message


def value_of(expression: str, payload: Any) -> Any:
    return evaluate(parse(expression).root, payload)


@given(expressions, documents)
def test_values_and_errors_are_the_library_s_but_for_mixed_orderings(expression: str, document: Any) -> None:
    try:
        parse(expression)
    except ExpressionError:
        reject()
    try:
        expected = jmespath.search(expression, document)
    except TypeError:
        reject()  # The library's bare TypeError: a mixed ordering, or a function over mixed values.
    except (JMESPathError, ValueError, OverflowError) as error:
        with pytest.raises(type(error)):
            value_of(expression, document)
    else:
        assert repr(value_of(expression, document)) == repr(expected)


@needs_compliance
@pytest.mark.parametrize(("expression", "document", "case"), compliance_cases())
def test_the_compliance_suite_holds(expression: str, document: Any, case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises((ExpressionError, JMESPathError, ValueError)):
            value_of(expression, document)
    else:
        assert value_of(expression, document) == case["result"]


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize(("left", "right"), [("a", 1), (1, "a"), (None, 1), ("a", None), (True, 1), ([], {})])
def test_an_ordering_of_mixed_types_is_null(operator: str, left: Any, right: Any) -> None:
    assert value_of(f"a {operator} b", {"a": left, "b": right}) is None


def test_two_strings_are_ordered_so_that_iso_dates_work() -> None:
    assert value_of("at >= '2024-05-01'", {"at": "2024-05-02"}) is True
    assert value_of("at >= '2024-05-01'", {"at": "2024-04-30"}) is False


class Fields(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


@pytest.mark.parametrize("wrap", [dict, Message, MappingProxyType, Fields])
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("keys(@)", ["a", "b"]),
        ("values(@)", [1, "x"]),
        ("length(@)", 2),
        ("type(@)", "object"),
        ("merge(@, {c: `3`})", {"a": 1, "b": "x", "c": 3}),
        ("to_number(@)", None),
        ("length(to_array(@))", 1),
        ("not_null(@).a", 1),
        ("to_string(@)", json.dumps({"a": 1, "b": "x"}, separators=(",", ":"))),
        ("to_string([@])", json.dumps([{"a": 1, "b": "x"}], separators=(",", ":"))),
        ("*", [1, "x"]),
    ],
)
def test_functions_take_any_mapping(wrap: Any, expression: str, expected: Any) -> None:
    assert value_of(expression, wrap({"a": 1, "b": "x"})) == expected


@pytest.mark.parametrize(("operator", "expected"), [("&&", 1), ("||", 1), ("|", None)])
def test_a_chain_of_thousands_needs_no_stack(operator: str, expected: Any) -> None:
    assert value_of(f" {operator} ".join(["a"] * 3000), {"a": 1}) == expected
