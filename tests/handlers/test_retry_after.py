"""Retry-After: whatever a receiver sends is a wait of a day at most, or none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.handlers.retry_after import seconds_of

digits = st.text("0123456789", min_size=1, max_size=400)
dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Monday", "x", ""]),
    st.integers(-5, 10**6),
    st.sampled_from(["Jan", "Dec", "x", "13"]),
    st.integers(-5, 10**12),
    *(st.integers(-5, 10**6) for _ in range(3)),
    st.one_of(st.sampled_from(["GMT", "UTC", "-0000", "x", ""]), st.integers(-(10**9), 10**9).map(str)),
)


@given(st.one_of(st.none(), st.text(), digits, digits.map("-{}".format), dates))
def test_a_retry_after_header_gives_at_most_a_day(text: str | None) -> None:
    assert seconds_of(text) is None or 0 <= (seconds_of(text) or 0) <= 86_400


def test_digits_of_other_scripts_are_invalid() -> None:
    assert [seconds_of(text) for text in ("\u0667", "\u00b2", "\uff17")] == [None] * 3


def test_leading_zeros_do_not_change_a_duration() -> None:
    assert [seconds_of(text) for text in ("007", "0" * 50 + "7", "000")] == [7, 7, 0]
