"""Whether a failed route runs again: by its policy, or by the handler's request."""

from __future__ import annotations

import math

import pytest

from streamroute.core.dispatch.retry_decision import (
    DEFAULT_DELAY,
    attempts_spent,
    requested_delay,
    retry_delay,
)
from streamroute.durations import RetryPolicy
from streamroute.errors import Reject, Retry

POLICY = RetryPolicy(max_attempts=3, delay=2.0, multiplier=3.0, jitter=0)


class Odd(Retry):
    """A Retry whose delay is a property that raises."""

    @property
    def delay(self) -> float:
        """Raise."""
        raise RuntimeError

    @delay.setter
    def delay(self, value: object) -> None:
        """Ignore the value."""


@pytest.mark.parametrize(
    ("error", "attempt", "delay"),
    [
        (ValueError("no"), 1, 2.0),
        (ValueError("no"), 2, 6.0),
        (ValueError("no"), 3, None),
        (ValueError("no"), 4, None),
        (Retry(delay=77), 2, 77.0),
        (Retry(delay=77), 3, None),
        (Retry(), 2, 6.0),
        (Odd(), 1, 2.0),
    ],
)
def test_the_policy_decides_and_a_retry_names_its_delay(
    error: BaseException, attempt: int, delay: float | None
) -> None:
    assert retry_delay(error, attempt, POLICY) == delay


def test_a_policy_that_computes_no_delay_has_the_default() -> None:
    assert retry_delay(ValueError(), 1, RetryPolicy(delay=math.nan, max_delay=math.nan)) == DEFAULT_DELAY


def test_only_a_retry_asks_for_a_delay() -> None:
    assert (requested_delay(Retry(delay=1.5)), requested_delay(Retry()), requested_delay(Reject("no"))) == (
        1.5,
        None,
        None,
    )


def test_the_attempts_are_named() -> None:
    assert (attempts_spent(1), attempts_spent(2)) == ("failed after 1 attempt", "failed after 2 attempts")
