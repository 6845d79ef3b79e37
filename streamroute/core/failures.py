"""Failures in words and as outcomes: what is logged, scheduled and dead-lettered of a route that failed."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from streamroute.core.observer import Result
from streamroute.core.routes import Route
from streamroute.errors import Postpone, Reject, Retry, RouteFailure, StreamrouteError
from streamroute.message import Message
from streamroute.values import DeadLetter, Outcome, RetryLater, RetryPolicy

log = logging.getLogger(__name__)


class RoutesFailedError(StreamrouteError):
    """Raised by ``process_message`` when routes failed and nobody here can retry or dead-letter them.

    The entry must not be acknowledged: it stays pending and is delivered again.
    """

    def __init__(self, outcomes: list[Outcome]) -> None:
        failures = "; ".join(f"{o.route or 'message'}: {_reason(o)}" for o in outcomes)
        super().__init__(f"not acknowledged: {failures}")
        self.outcomes = tuple(outcomes)


def attempt_of(payload: Mapping[str, Any]) -> int:
    """The number of this attempt; a plain dict is the first."""
    return payload.attempt if isinstance(payload, Message) else 1


def judge(route: Route, error: BaseException, attempt: int, policy: RetryPolicy) -> Outcome:
    """What a failed handler asks for, or what the policy says where it asks for nothing."""
    if isinstance(error, Reject):
        return dead(route.key, error.reason, error, attempt)
    if isinstance(error, Postpone) and error.delay is not None:
        log.debug("route %s waits %.3gs: %s", route.key, error.delay, error)
        return RetryLater(route.key, error.delay, attempt, "", postponed=True)
    asked = error.delay if isinstance(error, Retry) else None
    # A handler with a route_key was wrapped with a policy of its own, which has counted already.
    has_own_policy = hasattr(route.handler, "route_key") and asked is not None
    if attempt >= policy.max_attempts and not has_own_policy:
        plural = "" if attempt == 1 else "s"
        return dead(route.key, f"failed after {attempt} attempt{plural}", error, attempt)
    delay = policy.delay_after(attempt) if asked is None else asked
    log.warning("route %s failed (attempt %d), again in %.3gs: %s", route.key, attempt, delay, _text(error))
    return RetryLater(route.key, delay, attempt + 1, _text(error))


def dead(route: str, reason: str, error: BaseException, attempt: int) -> DeadLetter:
    """The outcome of a route that failed for good, with the traceback of what it raised."""
    cause, text = _cause(error), _text(error)
    said = reason if (str(cause) or text) in reason else f"{reason}: {text}"
    log.error("route %s failed for good (attempt %d): %s", route, attempt, said)
    return DeadLetter(route, reason, text, "".join(traceback.format_exception(cause)), attempt)


def routes_are_gone(routes: Iterable[str], payload: Mapping[str, Any]) -> list[Outcome]:
    """The outcomes of a retry whose routes nobody has any more."""
    return [
        _unroutable(payload, f"the route {route!r} is no longer configured", route)
        for route in sorted(routes)
    ]


def no_type(payload: Mapping[str, Any]) -> DeadLetter:
    """The outcome of a message that nothing can route."""
    if payload.get("type", "") == "":
        reason = "the message has no type"
    else:
        reason = f"the type is not a string but {type(payload['type']).__name__}"
    return _unroutable(payload, reason)


def no_route(message_type: str, payload: Mapping[str, Any]) -> DeadLetter:
    """The outcome of a type that no handler lists, where that is not allowed."""
    return _unroutable(payload, f"no route lists the type {message_type!r}")


def result_of(outcome: Outcome) -> Result:
    """What observers are told of an outcome that has its place."""
    if isinstance(outcome, DeadLetter):
        return Result.DEAD
    return Result.POSTPONED if outcome.postponed else Result.RETRIED


def _unroutable(payload: Mapping[str, Any], reason: str, route: str | None = None) -> DeadLetter:
    """The outcome of a message that reaches no handler, said once in the log."""
    log.error("message %s failed for good: %s", getattr(payload, "id", "") or "without an id", reason)
    return DeadLetter(route, reason, attempt=attempt_of(payload))


def _cause(error: BaseException) -> BaseException:
    """What made a handler ask for a retry or a rejection; the asking itself tells nobody anything."""
    return error.__cause__ if isinstance(error, RouteFailure) and error.__cause__ else error


def _text(error: BaseException) -> str:
    cause = _cause(error)
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def _reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, DeadLetter) else outcome.error
