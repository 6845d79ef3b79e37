"""Retry decision: the only place that decides whether and when a failed route runs again."""

from __future__ import annotations

from typing import Final

from streamroute.durations import RetryPolicy
from streamroute.errors import Retry, as_delay

DEFAULT_DELAY: Final = 60.0
"""Seconds; used if a policy computes an invalid delay."""


def retry_delay(error: BaseException, attempt: int, policy: RetryPolicy) -> float | None:
    """Return the seconds until the next attempt, or None if ``attempt`` was the last one.

    A Retry may set its own delay, but the attempt counts.
    """
    if attempt >= policy.max_attempts:
        return None
    requested = requested_delay(error)
    if requested is not None:
        return requested
    delay = as_delay(policy.delay_after(attempt))
    return DEFAULT_DELAY if delay is None else delay


def requested_delay(error: BaseException) -> float | None:
    """Return the delay in seconds that a Retry requests; None for any other error or an invalid delay."""
    if not issubclass(type(error), Retry):  # isinstance() would run the code of the exception's class
        return None
    try:
        return as_delay(getattr(error, "delay", None))
    except BaseException:  # noqa: BLE001 - a user's class may compute it, and fail
        return None


def attempts_spent(attempt: int) -> str:
    """Return the reason of a failure after the last attempt."""
    return f"failed after {attempt} attempt{'' if attempt == 1 else 's'}"
