"""The share of a canary: stable, growing with the percentage, as large as it says."""

from __future__ import annotations

import logging
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.compiler.trials.share import POSITIONS, Placement, Share, position_of

percents = st.integers(1, POSITIONS).map(lambda parts: parts / 100)
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def share(percent: float, name: str = "new") -> Share:
    return Share(name, "id", percent)


@given(keys, percents)
def test_a_key_always_falls_on_the_same_side(key: Any, percent: float) -> None:
    message = {"id": key}
    assert share(percent).includes(message) is share(percent).includes({"n": 1, **message})


@given(keys, percents, percents)
def test_a_share_contains_every_smaller_share(key: Any, one: float, other: float) -> None:
    smaller, larger = sorted([one, other])
    assert share(larger).includes({"id": key}) or not share(smaller).includes({"id": key})


@given(keys, percents)
def test_the_placement_explains_whether_the_share_includes_a_message(key: Any, percent: float) -> None:
    placement = share(percent).place({"id": key})
    assert placement.is_included is share(percent).includes({"id": key})
    if key is None:
        assert placement == Placement()
    else:
        assert placement.position == position_of("new", key)


@pytest.mark.parametrize("percent", [0.5, 5, 33.33, 50, 99])
@pytest.mark.parametrize("form", [str, int, lambda n: {"guest": n, "hotel": "x"}])
def test_a_share_is_as_large_as_its_percentage(percent: float, form: Any) -> None:
    """For 20,000 keys, the deviation is below five standard deviations of a fair coin."""
    total = 20_000
    included = sum(share(percent).includes({"id": form(n)}) for n in range(total))
    expected = total * percent / 100
    assert abs(included - expected) < 5 * (expected * (1 - percent / 100)) ** 0.5


def test_all_and_the_smallest_share() -> None:
    messages = [{"id": n} for n in range(50_000)]
    assert all(share(100).includes(message) for message in messages)
    smallest = [message for message in messages if share(0.01).includes(message)]
    assert 0 < len(smallest) < 30
    assert {position_of("new", message["id"]) for message in smallest} == {0}


def test_the_position_is_the_documented_hash() -> None:
    digest = blake2b(b'new\n{"day":1,"guest":"\\u00e9"}', digest_size=8).digest()
    assert position_of("new", {"guest": "é", "day": 1.0}) == int.from_bytes(digest, "big") % 10_000


def test_canaries_of_different_routes_take_different_keys() -> None:
    one, other = share(5, "one"), share(5, "other")
    included = [n for n in range(20_000) if one.includes({"id": n})]
    both = [n for n in included if other.includes({"id": n})]
    assert len(both) < len(included) / 10


@given(st.integers(-1000, 1000))
def test_keys_that_are_equal_in_jmespath_have_one_position(number: int) -> None:
    assert position_of("new", number) == position_of("new", float(number))
    assert position_of("new", {"a": number, "b": [1]}) == position_of("new", {"b": [1.0], "a": number})


def test_a_message_without_the_key_is_not_included() -> None:
    for message in ({}, {"id": None}):
        assert not share(100).includes(message)
        assert share(100).place(message) == Placement()


def test_a_key_that_fails_includes_no_message_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    failing = Share("new", "length(id)", 100)
    with caplog.at_level(logging.WARNING):
        assert [failing.includes({"id": 3}) for _ in range(3)] == [False] * 3
    (line,) = caplog.messages
    assert line == (
        "canary new: its key length(id) failed, so it does not take the message: "
        "length() takes string or array or object, not number (logged once)"
    )
    placement = failing.place({"id": 3})
    assert (placement.is_included, placement.position) == (False, None)
    assert placement.error == "length() takes string or array or object, not number"


def test_a_key_that_is_far_larger_as_text_includes_no_message() -> None:
    key: Any = ["a"]
    for _ in range(40):
        key = [key, key]
    assert not share(100).includes({"id": key})
    assert "contains itself" in share(100).place({"id": key}).error
