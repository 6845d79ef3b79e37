"""Failures of one bug have one signature, and those of two bugs have two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.entries.failure_signature import class_in, failure_kind, normalize

LONGEST = 200


@pytest.mark.parametrize(
    ("message", "normalized"),
    [
        ("no stock for booking bk_91 of room 12", "no stock for booking <id> of room <n>"),
        ("price 3.50 is not 1,000", "price <n> is not <n>"),
        ("guest 'Kim' of \"Room 7\"", "guest <text> of <text>"),
        ("it's 5 o'clock", "it's <n> o'clock"),
        ("https://example.com/v1/x?id=1 failed", "<url> failed"),
        ("could not open /var/data/2024/x.json: no", "could not open <path>: no"),
        ("kim@example.com is unknown", "<address> is unknown"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <id>"),
        ("object at 0x7f33aa1234b0", "object at <id>"),
        ("two\n  lines\x1b[31m", "two lines\\<id>[<id>"),
        ("the service answered 503: busy", "the service answered 503: busy"),
        ("[Errno 111] connection refused", "[Errno 111] connection refused"),
        ("no luck", "no luck"),
    ],
)
def test_variable_parts_of_a_message_become_placeholders(message: str, normalized: str) -> None:
    assert normalize(message) == normalized


@given(st.lists(st.integers(0, 10**20), min_size=2, max_size=2))
def test_numbers_do_not_split_a_group(numbers: list[int]) -> None:
    first, second = (failure_kind("bill", f"E: order {n} of {n}", "") for n in numbers)
    assert first == second
    assert first.signature == second.signature


@given(st.text(max_size=3000), st.text(max_size=300), st.none() | st.text(max_size=300))
def test_any_text_has_a_short_signature_and_a_title_of_one_line(
    error: str, reason: str, route: str | None
) -> None:
    kind = failure_kind(route, error, reason)
    assert len(kind.signature) == 10
    assert len(kind.title) <= LONGEST
    assert "\n" not in kind.title


def test_route_class_place_and_message_tell_failures_apart() -> None:
    kinds = [
        failure_kind("bill", "E: no", "", error_class="E", frame="shop:f"),
        failure_kind("mail", "E: no", "", error_class="E", frame="shop:f"),
        failure_kind("bill", "F: no", "", error_class="F", frame="shop:f"),
        failure_kind("bill", "E: no", "", error_class="E", frame="shop:g"),
        failure_kind("bill", "E: yes", "", error_class="E", frame="shop:f"),
        failure_kind(None, "", "no route lists the type"),
    ]
    assert len({kind.signature for kind in kinds}) == len(kinds)
    assert kinds[0].title == "E in shop:f: no"
    assert kinds[-1].title == "no route lists the type"


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("ValueError: no", "ValueError"),
        ("ValueError", "ValueError"),
        ("no luck", ""),
        ("", ""),
        ("a-b: c", ""),
    ],
)
def test_the_class_of_an_earlier_release_is_read_from_the_text(error: str, name: str) -> None:
    assert class_in(error) == name
    assert failure_kind("r", error, "why").error_class == name
