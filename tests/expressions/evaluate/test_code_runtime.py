"""What generated code calls: each part of JMESPath by itself, and what is done without the library."""

from __future__ import annotations

from collections import ChainMap, OrderedDict
from typing import Any

import pytest

from streamroute.expressions.evaluate import code_runtime as runtime
from streamroute.expressions.evaluate.interpreter import FUNCTIONS


class Functions:
    """Stands in for the library's functions, and notes what it is asked."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def call_function(self, name: str, arguments: list[Any]) -> str:
        self.requests.append((name, arguments))
        return "the library's"


@pytest.mark.parametrize(
    ("value", "expected"), [([], 0), ([1, 2], 2), ("", 0), ("abc", 3), ({}, 0), ({"a": 1}, 1)]
)
def test_the_length_of_what_is_plain_needs_no_library(
    monkeypatch: pytest.MonkeyPatch, value: Any, expected: int
) -> None:
    library = Functions()
    monkeypatch.setattr(FUNCTIONS, "call_function", library.call_function)
    assert runtime.length(value) == expected
    assert library.requests == []


@pytest.mark.parametrize("value", [None, True, 5, 1.5, (1, 2), OrderedDict(a=1), b"abc"])
def test_the_length_of_anything_else_is_the_library_s(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    library = Functions()
    monkeypatch.setattr(FUNCTIONS, "call_function", library.call_function)
    assert runtime.length(value) == "the library's"
    assert library.requests == [("length", [value])]


@pytest.mark.parametrize(
    ("value", "expected"), [({"a": 1}, 1), ({"b": 1}, None), (ChainMap({"a": 2}), 2), ([], None), (5, None)]
)
def test_fields_are_read_from_mappings_only(value: Any, expected: Any) -> None:
    assert runtime.field(value, "a") == expected


@pytest.mark.parametrize(
    ("position", "expected"), [(0, "a"), (1, "b"), (2, None), (-1, "b"), (-2, "a"), (-3, None)]
)
def test_an_element_is_read_from_a_list(position: int, expected: str | None) -> None:
    assert runtime.index(["a", "b"], position) == expected
    assert runtime.index("ab", position) is None
    assert runtime.index(None, position) is None


def test_values_are_read_from_an_object() -> None:
    assert list(runtime.values_of({"a": 1, "b": None})) == [1, None]
    assert runtime.values_of([1]) is None
    assert runtime.values_of("a") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], []),
        ([1, [2, [3]], []], [1, 2, [3]]),
        ([[]], []),
        (["ab", ["c"]], ["ab", "c"]),
        ({}, None),
        ("ab", None),
    ],
)
def test_a_list_is_opened_one_level(value: Any, expected: Any) -> None:
    assert runtime.flatten(value) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [((), None), ((None,), None), ((None, 0), 0), ((False, 1), False), ((None, "", 2), "")],
)
def test_the_first_that_is_not_null_is_had(values: tuple[Any, ...], expected: Any) -> None:
    assert runtime.not_null(*values) is expected


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_empty_values_are_false_and_zero_is_true(value: Any) -> None:
    assert not runtime.is_truthy(value)
    assert runtime.is_truthy([value])
    assert runtime.is_truthy(0)
    assert runtime.is_truthy(0.0)
    assert runtime.is_truthy(True)
