"""Numbers, rates and durations that fit in columns."""

from __future__ import annotations

import pytest

from streamroute.cli.output.status.numbers import age, count, duration, rate


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(0, "0"), (0.001, "<0.01"), (0.5, "0.50"), (5.25, "5.2"), (99.94, "99.9"), (1204.4, "1,204")],
)
def test_rates(per_second: float, text: str) -> None:
    assert rate(per_second) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.00035, "350us"),
        (0.0124, "12ms"),
        (4.2, "4.2s"),
        (42, "42s"),
        (300, "5m"),
        (1e6, "11d"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "?"), (0, "0s"), (59, "59s"), (7300, "2h")])
def test_ages(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


def test_counts() -> None:
    assert (count(None), count(0), count(1_234_567)) == ("?", "0", "1,234,567")
