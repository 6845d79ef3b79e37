"""Retry decision: the only place that decides whether and when a failed route runs again.

The dispatcher decides for every route, by the route's own policy or its default one. ``decided`` is the same
decision as an exception, for a compiled handler that other code than the dispatcher calls.
"""

from __future__ import annotations

from typing import Final

from streamroute.durations import RetryPolicy
from streamroute.errors import Postpone, Reject, Retry, as_delay
from streamroute.logs.exception_text import error_text
from streamroute.text.safe_text import safe_str

DEFAULT_DELAY: Final = 60.0
"""Seconds; used if a policy computes an invalid delay."""


def decided(error: BaseException, attempt: int, policy: RetryPolicy) -> BaseException:
    """Return the Reject or Retry to which a failure amounts: the handler's own, or the policy's.

    The delay of a returned Retry is decided: it is the one to wait, and its attempt is not the last.
    """
    error_type = type(error)  # isinstance() would run the code of the exception's class
    requested = requested_delay(error)
    if issubclass(error_type, Reject) or (issubclass(error_type, Postpone) and requested is not None):
        return error
    delay = retry_delay(error, attempt, policy)
    if delay is not None and requested is not None:
        return error
    text = safe_str(error) if issubclass(error_type, Retry) else error_text(error)
    failure = Reject(f"{attempts_spent(attempt)}: {text}") if delay is None else Retry(delay, text)
    failure.__cause__ = error
    return failure


def retry_delay(error: BaseException, attempt: int, policy: RetryPolicy) -> float | None:
    """Return the seconds until the next attempt, or None if ``attempt`` was the last one.

    A Retry may set its own delay, but the attempt counts.
    """
    if is_last(attempt, policy):
        return None
    requested = requested_delay(error)
    if requested is not None:
        return requested
    delay = as_delay(policy.delay_after(attempt))
    return DEFAULT_DELAY if delay is None else delay


def is_last(attempt: int, policy: RetryPolicy) -> bool:
    """Whether no attempt follows this one."""
    return attempt >= policy.max_attempts


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
