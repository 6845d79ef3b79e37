"""Retry policies: how long a failed route waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.durations import RetryPolicy, format_duration, parse_duration


def test_delays_grow_up_to_the_longest() -> None:
    policy = RetryPolicy(delay=1, multiplier=3, max_delay=20, jitter=0)
    assert [policy.delay_after(attempt) for attempt in (1, 2, 3, 4, 5)] == [1, 3, 9, 20, 20]
    assert RetryPolicy(delay=2, multiplier=1, jitter=0).delay_after(9) == 2


def test_a_number_that_no_float_holds_is_the_longest_delay() -> None:
    assert RetryPolicy(delay=1.5, multiplier=9.5, max_delay=77, jitter=0).delay_after(10_000) == 77


@pytest.mark.parametrize(("chance", "delay"), [(-1, 8), (0, 10), (1, 12)])
def test_jitter_moves_a_delay_either_way(
    monkeypatch: pytest.MonkeyPatch, chance: float, delay: float
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: chance)
    assert RetryPolicy(delay=10, jitter=0.2).delay_after(1) == pytest.approx(delay)


@given(attempt=st.integers(1, 60), jitter=st.floats(0, 1), chance=st.floats(-1, 1))
def test_no_jitter_moves_a_delay_past_the_longest_or_below_zero(
    attempt: int, jitter: float, chance: float
) -> None:
    policy = RetryPolicy(delay=10, max_delay=30, jitter=jitter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("random.uniform", lambda low, high: chance)
        assert 0 <= policy.delay_after(attempt) <= 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("1.5s", 1.5), ("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604800)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "1.s", ".5s", "-1s", "1w", "1sm", "٣s"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (1, "1s"), (90, "90s"), (300, "5m"), (5400, "90m"), (86400, "1d")]
)
def test_durations_are_written_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
