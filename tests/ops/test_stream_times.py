"""A place in a stream is a time, an age or an id; anything else is one clear line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.ops.stream_times import parse_stream_time

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("1718000000000-3", "1718000000000-3"),
        ("-2h", f"{NOW - 7_200_000}-0"),
        ("-500ms", f"{NOW - 500}-0"),
        ("now", f"{NOW}-0"),
        ("2026-11-27", "1795737600000-0"),
        ("2026-11-27T01:00:00Z", "1795741200000-0"),
        ("2026-11-27T01:00:00", "1795741200000-0"),
        ("2026-11-27T02:00:00+01:00", "1795741200000-0"),
        ("-9999999d", "0-0"),
    ],
)
def test_a_place_is_the_lowest_id_at_it(text: str, first: str) -> None:
    assert parse_stream_time(text).entry_id(NOW) == first


def test_an_end_is_the_highest_id_at_it() -> None:
    assert parse_stream_time("2026-11-27").last_id(NOW) == f"1795737600000-{2**64 - 1}"
    assert parse_stream_time("7-1").last_id(NOW) == "7-1"


@pytest.mark.parametrize(
    "text", ["", "-", "-2", "1969-01-01", "yesterday", "2026-13-01", "9" * 50, "99999999999999999999999-1"]
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a place in a stream"):
        parse_stream_time(text)


@given(st.text(max_size=60))
def test_no_text_is_a_surprise(text: str) -> None:
    reason = ""
    try:
        assert parse_stream_time(text).entry_id(NOW)
    except ValueError as error:
        reason = str(error)
    assert "\n" not in reason
    assert len(reason) < 500
