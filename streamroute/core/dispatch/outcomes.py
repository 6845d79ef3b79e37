"""Failures in words and as outcomes: what is logged, scheduled and dead-lettered of a route that failed.

Nothing here raises, whatever the exception is: a failure that cannot be judged is still an outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamroute.core.dispatch.retry_decision import DEFAULT_DELAY, asked_delay, attempts_spent, retry_delay
from streamroute.core.dispatch.routes import Route, has_policy
from streamroute.core.observer import Result
from streamroute.errors import Postpone, Reject, RouteFailure, StreamrouteError
from streamroute.logs.coalescing import coalesced_by, coalesced_by_reason
from streamroute.logs.exception_text import cause_of, error_text, traceback_text
from streamroute.text.limits import ERROR, NAME, REASON
from streamroute.text.safe_text import clip, redacted_str, safe_repr, safe_str, type_name
from streamroute.values import DeadLetter, Outcome, RetryLater, RetryPolicy

log = logging.getLogger(__name__)

_MOST_SHOWN: Final = 5  # routes that one reason names


class RoutesFailedError(StreamrouteError):
    """Raised by ``process_message`` when routes failed and can be neither retried nor dead-lettered here.

    The entry must not be acknowledged: it stays pending and is delivered again.
    """

    def __init__(self, outcomes: list[Outcome]) -> None:
        failures = "; ".join(f"{o.route or 'message'}: {_reason(o)}" for o in outcomes)
        super().__init__(clip(f"not acknowledged: {failures}", ERROR))
        self.outcomes = tuple(outcomes)


def attempt_of(payload: Mapping[str, Any]) -> int:
    """The number of this attempt; a plain dict is the first."""
    attempt = getattr(payload, "attempt", 1)  # a handler may have put anything there
    return attempt if type(attempt) is int else 1


def outcome_for(route: Route, error: BaseException, attempt: int, policy: RetryPolicy) -> Outcome:
    """The outcome of a failed handler: what it asks for, or else what the policy says. Never raises."""
    try:
        return _outcome_for(route, error, attempt, policy)
    except BaseException:  # noqa: BLE001 - the last line of defense: the message must not be without an outcome
        return _fallback_outcome(route, error, attempt, policy)


def _outcome_for(route: Route, error: BaseException, attempt: int, policy: RetryPolicy) -> Outcome:
    kind = type(error)  # isinstance() would run the code of the exception's class
    if issubclass(kind, Reject):
        return dead_letter(route.key, _reason_of(error), error, attempt)
    asked = asked_delay(error)
    if issubclass(kind, Postpone) and asked is not None:
        log.debug("route %s waits %.3gs: %s", route.key, asked, redacted_str(error))
        return RetryLater(route.key, asked, attempt, "", postponed=True)
    # A handler with a route_key has a policy of its own: its Retry is what that one decided.
    is_decided = asked is not None and has_policy(route.handler)
    delay = asked if is_decided else retry_delay(error, attempt, policy)
    if delay is None:
        return dead_letter(route.key, attempts_spent(attempt), error, attempt)
    again = RetryLater(route.key, delay, attempt + 1, _text(error))
    log.warning(
        "route %s failed (attempt %d), again in %.3gs: %s",
        *(route.key, attempt, again.delay, again.error),
        extra=_equals("failed", route.key, error),
    )
    return again


def _fallback_outcome(route: Route, error: BaseException, attempt: int, policy: RetryPolicy) -> Outcome:
    name = type_name(error)
    if attempt >= policy.max_attempts:
        return DeadLetter(route.key, attempts_spent(attempt), name, "", attempt)
    return RetryLater(route.key, DEFAULT_DELAY, attempt + 1, name)


def dead_letter(route: str, reason: str, error: BaseException, attempt: int) -> DeadLetter:
    """The outcome of a route that failed for good, with the traceback of what it raised."""
    cause, text, reason = _cause(error), _text(error), clip(reason, REASON)
    own = safe_str(cause)
    said = reason if (own or text) in reason or text in reason else f"{reason}: {text}"
    log.error(
        "route %s failed for good (attempt %d): %s",
        *(route, attempt, said),
        extra=_equals("failed for good", route, error),
    )
    return DeadLetter(route, reason, text, traceback_text(cause), attempt)


def unknown_route(route: str, payload: Mapping[str, Any]) -> DeadLetter:
    """The outcome of a retry whose route no worker knows any more."""
    return _unroutable(payload, f"the route {safe_repr(route, NAME)} is no longer configured", route)


def as_one_letter(payload: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of routes that are not known, their dead letters as one: it names no route.

    The names came through the stream. It goes back to all routes of the retry.
    """
    letters = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
    if not letters:
        return list(outcomes)
    others = [outcome for outcome in outcomes if outcome not in letters]
    if len(letters) == 1:
        reason = letters[0].reason
    else:
        shown = ", ".join(safe_repr(letter.route, NAME) for letter in letters[:_MOST_SHOWN])
        more = f" and {len(letters) - _MOST_SHOWN} more" if len(letters) > _MOST_SHOWN else ""
        reason = f"the routes {shown}{more} are no longer configured"
    return [*others, DeadLetter(None, reason, attempt=attempt_of(payload))]


def type_of(payload: Mapping[str, Any]) -> str:
    """The message's type; empty where it has none, or one that is not a string."""
    kind = payload.get("type")
    return str.__str__(kind) if issubclass(type(kind), str) else ""


def no_type(payload: Mapping[str, Any]) -> DeadLetter:
    """The outcome of a message that nothing can route."""
    kind = payload.get("type", "")
    if issubclass(type(kind), str):
        reason = "the message has no type"
    else:
        reason = f"the type is not a string but {type_name(kind)}"
    return _unroutable(payload, reason)


def no_route(message_type: str, payload: Mapping[str, Any]) -> DeadLetter:
    """The outcome of a type that no handler lists, where that is not allowed."""
    return _unroutable(payload, f"no route lists the type {safe_repr(message_type, NAME)}")


def result_of(outcome: Outcome) -> Result:
    """The result that observers receive for an outcome."""
    if isinstance(outcome, DeadLetter):
        return Result.DEAD
    return Result.POSTPONED if outcome.postponed else Result.RETRIED


def _unroutable(payload: Mapping[str, Any], reason: str, route: str | None = None) -> DeadLetter:
    """The outcome of a message that reaches no handler, said once in the log."""
    name = safe_str(getattr(payload, "id", "") or "without an id", NAME)
    said = "message %s failed for good: %s"
    log.error(said, name, reason, extra=coalesced_by_reason(said, reason))
    return DeadLetter(route, reason, attempt=attempt_of(payload))


def _reason_of(error: BaseException) -> str:
    """The reason of a Reject; its text where a class of the user's has none."""
    try:
        reason = getattr(error, "reason", None)
    except BaseException:  # noqa: BLE001 - as with the delay of a Retry
        reason = None
    said = redacted_str(error if reason is None else reason, REASON)
    return said or "the handler rejected the message"


def _cause(error: BaseException) -> BaseException:
    """The cause of a Retry or Reject, if there is one: it says more than the request itself."""
    return (cause_of(error) or error) if issubclass(type(error), RouteFailure) else error


def _text(error: BaseException) -> str:
    return error_text(_cause(error))


def _equals(what: str, route: str, error: BaseException) -> Mapping[str, Any]:
    """Failures are equal in the log where a route fails in the same way with the same kind of exception."""
    return coalesced_by(what, route, type_name(_cause(error)))


def _reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, DeadLetter) else outcome.error
