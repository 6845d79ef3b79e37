"""A histogram counts each duration in the bucket of the lowest limit that it does not exceed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.recording.histogram import LIMITS, Histogram

DURATIONS = st.lists(st.floats(0, 1_000, allow_nan=False), max_size=50)


def histogram_of(durations: list[float]) -> Histogram:
    """Return a histogram of these durations."""
    histogram = Histogram()
    for seconds in durations:
        histogram.record(seconds)
    return histogram


def test_a_limit_belongs_to_its_bucket() -> None:
    histogram = histogram_of([*LIMITS, LIMITS[-1] + 1])
    assert histogram.counts == [1] * (len(LIMITS) + 1)


def test_a_negative_duration_counts_as_none() -> None:
    """The clocks of the producer's server and of the worker differ."""
    histogram = histogram_of([-5.0])
    assert (histogram.counts[0], histogram.seconds) == (1, 0.0)


@given(DURATIONS, DURATIONS)
def test_adding_and_subtracting_are_as_recording_all(earlier: list[float], later: list[float]) -> None:
    total, first = histogram_of(earlier + later), histogram_of(earlier)
    since = total.minus(first)
    assert since.counts == histogram_of(later).counts
    first.add(histogram_of(later))
    assert first.counts == total.counts
    assert first.seconds == pytest.approx(total.seconds)


@given(DURATIONS)
def test_a_list_reads_back(durations: list[float]) -> None:
    histogram = histogram_of(durations)
    again = Histogram.from_list(histogram.as_list())
    assert again.counts == histogram.counts
    assert again.seconds == pytest.approx(histogram.seconds, abs=1e-6)


@pytest.mark.parametrize("values", [[], [0.0, *range(17)], ["x", *range(16)], [0.0, "x"], None])
def test_other_values_are_refused(values: list[float]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Histogram.from_list(values)


def test_a_quantile_is_interpolated_in_its_bucket() -> None:
    histogram = histogram_of([0.001] * 50 + [0.04] * 50)
    assert histogram.quantile(0.5) == pytest.approx(0.005)
    assert histogram.quantile(0.75) == pytest.approx(0.0375)
    assert histogram_of([1_000.0]).quantile(0.5) == LIMITS[-1]
    assert Histogram().quantile(0.5) is None


@given(DURATIONS.filter(bool), st.floats(0, 1))
def test_a_quantile_lies_in_the_bucket_of_the_duration_at_its_rank(
    durations: list[float], share: float
) -> None:
    quantile = histogram_of(durations).quantile(share)
    ordered = sorted(durations)
    at_rank = ordered[max(0, min(len(ordered) - 1, int(share * len(ordered) + 0.999999) - 1))]
    limits = (0.0, *LIMITS)
    upper = next((limit for limit in limits[1:] if at_rank <= limit), LIMITS[-1])
    assert quantile is not None
    assert quantile <= upper + 1e-9
