"""Delays: seconds or durations, and nothing that Redis could not keep."""

from __future__ import annotations

import pytest

from streamroute.errors import EncodeError, SetupError
from streamroute.publishing.event_delay import delay_seconds, duration_seconds


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [(None, None), (0, 0.0), (2, 2.0), (1.5, 1.5), ("30s", 30.0), ("500ms", 0.5), ("365d", 31_536_000.0)],
)
def test_a_delay_is_seconds_or_a_duration(delay: object, seconds: float | None) -> None:
    assert delay_seconds(delay) == seconds


@pytest.mark.parametrize(
    "delay",
    [-1, -0.1, True, float("nan"), float("inf"), 10**400, 31_536_001, "366d", "30", "", "s", [], b"1s"],
)
def test_any_other_delay_is_refused(delay: object) -> None:
    with pytest.raises(EncodeError, match="a delay is a number of seconds or a duration"):
        delay_seconds(delay)


@pytest.mark.parametrize("duration", [0, -1, None, "1", "366d", float("nan")])
def test_a_duration_is_longer_than_nothing(duration: object) -> None:
    assert duration_seconds("1d") == 86_400
    assert duration_seconds(0.5) == 0.5
    with pytest.raises(SetupError, match="at most a year"):
        duration_seconds(duration)
