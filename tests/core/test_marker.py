"""The reserved key: what of it is taken on trust, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamroute.core import marker
from streamroute.core.marker import Marker

MARK = Marker("1-0", "notifications", frozenset(["b", "a"]), 2)
FACTS = {"v": 1, "id": "1-0", "group": "notifications", "routes": ["a", "b"], "attempt": 2}


def test_its_form_is_read_back() -> None:
    assert MARK.as_dict() == FACTS
    for form in (FACTS, json.dumps(FACTS), json.dumps(FACTS).encode()):
        assert marker.read(form) == MARK


@pytest.mark.parametrize("fact", list(FACTS))
def test_each_of_its_facts_must_be_there_and_no_other(fact: str) -> None:
    assert marker.read({name: value for name, value in FACTS.items() if name != fact}) is None
    assert marker.read({**FACTS, "more": 1}) is None


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        *[("v", 0), ("v", 2), ("v", None)],
        *[("id", 1), ("id", None), ("id", "1" * 1_001)],
        *[("group", 1), ("group", None)],
        *[("attempt", 0), ("attempt", -1), ("attempt", True), ("attempt", 1.5), ("attempt", "2")],
        *[("routes", []), ("routes", None), ("routes", 7), ("routes", "ab"), ("routes", b"ab")],
        *[("routes", {"a": 1}), ("routes", ["a", 1]), ("routes", [["a"]]), ("routes", ["a" * 1_001])],
        ("routes", [str(n) for n in range(1_001)]),
    ],
)
def test_what_is_not_ours_is_not_read(fact: str, value: Any) -> None:
    assert marker.read({**FACTS, fact: value}) is None


@pytest.mark.parametrize("value", ["", "text", "[]", "7", b"\xff", "[" * 100_000, [], 7, None])
def test_what_is_no_object_is_not_read(value: Any) -> None:
    assert marker.read(value) is None


def test_bounds_may_be_reached() -> None:
    names = [str(n) for n in range(1_000)]
    longest = {**FACTS, "id": "1" * 1_000, "routes": [*names[:-1], "a" * 1_000], "attempt": 1, "group": ""}
    read = marker.read(longest)
    assert read is not None
    assert (len(read.id), len(read.routes), read.attempt, read.group) == (1_000, 1_000, 1, "")
