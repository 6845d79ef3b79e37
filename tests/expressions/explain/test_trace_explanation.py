"""Why a filter said yes or no: the operands that decided, with what they were computed from."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest

from streamroute.expressions.explain.trace import trace
from streamroute.expressions.explain.trace_explanation import as_text, reasons


@pytest.mark.parametrize(
    ("expression", "payload", "expected"),
    [
        ("a && b && c", {"a": 1, "c": 1}, ["b is null, which counts as false"]),
        ("a && b", {"a": 1, "b": True}, ["a is 1, which counts as true", "b is true"]),
        ("a || b", {"a": 0, "b": 1}, ["a is 0, which counts as true"]),
        ("a || b", {"b": []}, ["a is null, which counts as false", "b is [], which counts as false"]),
        ("!(a || b) && c", {"b": "x"}, ['b is "x", which counts as true']),
        ("!(a && b)", {"a": "x"}, ["b is null, which counts as false"]),
        ("nights >= `3`", {"nights": 1}, ["nights >= `3` is false: nights is 1"]),
        ("a == b", {"a": 1, "b": 2}, ["a == b is false: a is 1, b is 2"]),
        ("a > b", {"a": 1, "b": "2"}, ['a > b is null, which counts as false: a is 1, b is "2"']),
        ("a | b == `1` && c", {"a": {"b": 2}}, ["b == `1` is false: b is 2"]),
        ("contains(tags, 'x')", {"tags": ["y"]}, ["contains(tags, 'x') is false: tags is [\"y\"]"]),
        (
            "a && contains(tags, 'x')",
            {"a": 1},
            ["contains(tags, 'x') failed: contains() takes array or string, not null"],
        ),
        ("a && `false`", {"a": 1}, ["`false` is false"]),
    ],
)
def test_the_operands_that_decided_are_named(expression: str, payload: Any, expected: list[str]) -> None:
    assert [reason.text for reason in reasons(trace(expression, payload))] == expected


@pytest.mark.parametrize(
    ("path", "payload", "expected"),
    [
        ("guest.tier", {}, "guest is null or missing"),
        ("guest.tier", {"guest": {}}, None),
        ("guest.tier", {"guest": "Ada"}, "guest is a string, which has no fields"),
        ("guest.address.city", {"guest": {}}, "guest.address is null or missing"),
        ("(guest).tier", {}, "guest is null or missing"),
        ("(guest.address).city", {"guest": {}}, "guest.address is null or missing"),
        ("guest.address.city", {}, "guest is null or missing"),
        ("guest[0]", {"guest": {}}, "guest is an object, not a list"),
        ("guest[0].name", {"guest": []}, "guest[0] is null or missing"),
        ("a.b[0].c", {"a": {"b": {}}}, "a.b is an object, not a list"),
        ("items[*].price", {}, "items is null or missing"),
        ("order.items[?price].name", {"order": {}}, "order.items is null or missing"),
        ("guest", {}, None),
        ("[0]", {}, "@ is an object, not a list"),
    ],
)
def test_a_null_path_is_explained_at_its_first_missing_part(
    path: str, payload: Any, expected: str | None
) -> None:
    (reason,) = reasons(trace(f"{path} == 'x'", payload))
    detail = f"{path} is null" + (f" ({expected})" if expected else "")
    assert reason.detail == detail


def test_a_filter_of_a_null_path_is_explained_at_its_missing_part() -> None:
    (reason,) = reasons(trace("guest.vip", {}))
    assert reason.text == "guest.vip is null, which counts as false: guest is null or missing"


def test_values_are_json_on_one_line_and_cut() -> None:
    assert as_text({"a": ["é", None, True]}) == '{"a": ["é", null, true]}'
    assert as_text("x" * 100) == '"' + "x" * 56 + "..."
    assert as_text("a\nb") == '"a\\nb"'


def test_values_outside_json_are_shown_approximately() -> None:
    assert as_text(MappingProxyType({"a": MappingProxyType({"b": 1})})) == '{"a": {"b": 1}}'
    assert as_text([{1}]) == '["{1}"]'
    assert as_text("x" * 58) == f'"{"x" * 58}"'
    assert as_text("x" * 59) == f'"{"x" * 56}...'


class Unreadable(UserDict[str, Any]):
    """A mapping of somebody's that cannot be gone through."""

    def __iter__(self) -> Iterator[str]:
        raise LookupError("no")

    def __repr__(self) -> str:
        return "an unreadable mapping"


def test_unserializable_values_are_shown_by_their_type_name() -> None:
    assert as_text(Unreadable(a=1)) == "an unreadable mapping"
