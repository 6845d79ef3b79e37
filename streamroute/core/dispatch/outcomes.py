"""Outcomes of failed routes: what is logged, scheduled and dead-lettered.

These functions never raise, whatever the handler's exception does: every failure gets an outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from streamroute.core.dispatch.retry_decision import (
    DEFAULT_DELAY,
    attempts_spent,
    decided,
    is_last,
    requested_delay,
    retry_delay,
)
from streamroute.core.dispatch.routes import Route
from streamroute.core.observer import Observer, Result
from streamroute.errors import Postpone, Reject, RouteFailure, StreamrouteError
from streamroute.logs.coalescing import coalesced_by, coalesced_by_reason
from streamroute.logs.exception_text import cause_of, error_text, traceback_text
from streamroute.logs.record_facts import about_failure
from streamroute.logs.user_frame import user_frame
from streamroute.message import Message
from streamroute.text.limits import ERROR, NAME, REASON
from streamroute.text.safe_text import redacted_str, safe_repr, safe_str, type_name
from streamroute.text.truncation import clip
from streamroute.values import DeadLetter, Outcome, RetryLater, RetryPolicy

log = logging.getLogger(__name__)

_MAX_SHOWN: Final = 5  # routes named in one reason


class RoutesFailedError(StreamrouteError):
    """Raised by ``process_message`` when failed routes can be neither retried nor dead-lettered here.

    The entry must not be acknowledged: it stays pending and is delivered again.
    """

    def __init__(self, outcomes: list[Outcome]) -> None:
        failures = "; ".join(f"{o.route or 'message'}: {_reason(o)}" for o in outcomes)
        super().__init__(clip(f"not acknowledged: {failures}", ERROR))
        self.outcomes = tuple(outcomes)


def attempt_of(payload: Mapping[str, Any]) -> int:
    """Return the number of this attempt; 1 for a plain dict."""
    attempt = getattr(payload, "attempt", 1)  # a handler may have set any value
    return attempt if type(attempt) is int else 1


def outcome_for(route: Route, error: BaseException, attempt: int, default: RetryPolicy) -> Outcome:
    """Return the outcome of a failed handler: what it requested, or what the policy decides. Never raises.

    ``default`` is the policy of routes without their own.
    """
    try:
        return _outcome_for(route, error, attempt, default)
    except BaseException:  # noqa: BLE001 - the last line of defense: the message must not be without an outcome
        return _fallback_outcome(route, error, attempt, route.policy or default)


def _outcome_for(route: Route, error: BaseException, attempt: int, default: RetryPolicy) -> Outcome:
    is_rejected = issubclass(type(error), Reject)
    if route.policy is not None:
        error = decided(error, attempt, route.policy)
    error_type = type(error)  # isinstance() would run the code of the exception's class
    if issubclass(error_type, Reject):
        return replace(dead_letter(route.key, _reason_of(error), error, attempt), is_rejected=is_rejected)
    requested = requested_delay(error)
    if issubclass(error_type, Postpone) and requested is not None:
        log.debug("route %s waits %.3gs: %s", route.key, requested, redacted_str(error))
        return RetryLater(route.key, requested, attempt, "", postponed=True)
    delay = retry_delay(error, attempt, default) if route.policy is None else requested
    if delay is None:
        return dead_letter(route.key, attempts_spent(attempt), error, attempt)
    retry = RetryLater(route.key, delay, attempt + 1, _text(error), error_class=_class_of(error))
    log.warning(
        "route %s failed (attempt %d), again in %.3gs: %s",
        *(route.key, attempt, retry.delay, retry.error),
        extra=_coalesced("failed", route.key, error),
    )
    return retry


def _fallback_outcome(route: Route, error: BaseException, attempt: int, policy: RetryPolicy) -> Outcome:
    name = type_name(error)
    if is_last(attempt, policy):
        return DeadLetter(route.key, attempts_spent(attempt), name, "", attempt, error_class=name)
    return RetryLater(route.key, DEFAULT_DELAY, attempt + 1, name, error_class=name)


def dead_letter(route: str, reason: str, error: BaseException, attempt: int) -> DeadLetter:
    """Return the outcome of a route that failed permanently, with the traceback of its exception."""
    cause, text, reason = _cause(error), _text(error), clip(reason, REASON)
    cause_text = safe_str(cause)
    message = reason if (cause_text or text) in reason or text in reason else f"{reason}: {text}"
    log.error(
        "route %s failed permanently (attempt %d): %s",
        *(route, attempt, message),
        extra=_coalesced("failed permanently", route, error),
    )
    trace, name, frame = traceback_text(cause), type_name(cause), user_frame(cause)
    return DeadLetter(route, reason, text, trace, attempt, error_class=name, frame=frame)


def unknown_route(route: str, payload: Mapping[str, Any]) -> DeadLetter:
    """Return the outcome of a retry whose route no worker knows any more."""
    return _unroutable(payload, f"the route {safe_repr(route, NAME)} is no longer configured", route)


def merge_unknown_routes(payload: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Merge the dead letters of unknown routes into one without a route; keep the other outcomes.

    The route names came through the stream. Requeuing the dead letter runs all routes of the retry.
    """
    letters = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
    if not letters:
        return list(outcomes)
    others = [outcome for outcome in outcomes if outcome not in letters]
    if len(letters) == 1:
        reason = letters[0].reason
    else:
        names = ", ".join(safe_repr(letter.route, NAME) for letter in letters[:_MAX_SHOWN])
        more = f" and {len(letters) - _MAX_SHOWN} more" if len(letters) > _MAX_SHOWN else ""
        reason = f"the routes {names}{more} are no longer configured"
    return [*others, DeadLetter(None, reason, attempt=attempt_of(payload))]


def type_of(payload: Mapping[str, Any]) -> str:
    """Return the message's type; empty if it is missing or not a string."""
    message_type = payload.get("type")
    return str.__str__(message_type) if issubclass(type(message_type), str) else ""


def no_type(payload: Mapping[str, Any]) -> DeadLetter:
    """Return the outcome of a message without a usable type."""
    message_type = payload.get("type", "")
    if issubclass(type(message_type), str):
        reason = "the message has no type"
    else:
        reason = f"the type is not a string but {type_name(message_type)}"
    return _unroutable(payload, reason)


def no_route(message_type: str, payload: Mapping[str, Any]) -> DeadLetter:
    """Return the outcome of a message whose type no route lists, if ``unknown_type`` is ``dead_letter``."""
    return _unroutable(payload, f"no route lists the type {safe_repr(message_type, NAME)}")


def refuse_message(payload: Mapping[str, Any], reason: str, observe: Observer) -> None:
    """Give an entry that must not reach any route a dead letter as its only outcome; log and observe it.

    Raises RoutesFailedError if outcomes are not collected: the entry then stays pending.
    """
    letter = DeadLetter(None, reason, attempt=attempt_of(payload))
    if not isinstance(payload, Message) or payload.delivery.outcomes is None:
        observe(payload, None, Result.FAILED)
        raise RoutesFailedError([letter])
    template = "entry %s of %s goes to the dead letters: %s"
    log.error(template, payload.id, payload.stream, reason, extra=coalesced_by_reason(template, reason))
    payload.delivery.outcomes = [letter]
    observe(payload, None, Result.DEAD)


def result_of(outcome: Outcome) -> Result:
    """Return the result that observers receive for an outcome."""
    if isinstance(outcome, DeadLetter):
        return Result.DEAD
    if outcome.parked_for:
        return Result.PARKED
    return Result.POSTPONED if outcome.postponed else Result.RETRIED


def _unroutable(payload: Mapping[str, Any], reason: str, route: str | None = None) -> DeadLetter:
    """Return the outcome of a message that reaches no handler, and log it."""
    name = safe_str(getattr(payload, "id", "") or "without an id", NAME)
    template = "message %s failed permanently: %s"
    log.error(template, name, reason, extra=coalesced_by_reason(template, reason))
    return DeadLetter(route, reason, attempt=attempt_of(payload))


def _reason_of(error: BaseException) -> str:
    """Return the reason of a Reject; its text if a user's subclass has no reason."""
    try:
        reason = getattr(error, "reason", None)
    except BaseException:  # noqa: BLE001 - as with the delay of a Retry
        reason = None
    text = redacted_str(error if reason is None else reason, REASON)
    return text or "the handler rejected the message"


def _cause(error: BaseException) -> BaseException:
    """Return the cause of a Retry or Reject, if any, since it is more specific; else the error itself."""
    cause = cause_of(error) if issubclass(type(error), RouteFailure) else None
    return error if cause is None else cause


def _text(error: BaseException) -> str:
    return error_text(_cause(error))


def _coalesced(what: str, route: str, error: BaseException) -> Mapping[str, Any]:
    """Coalesce log records of a route that fails in the same way with the same type of exception."""
    error_class = _class_of(error)
    return {**coalesced_by(what, route, error_class), **about_failure(route, error_class)}


def _class_of(error: BaseException) -> str:
    return type_name(_cause(error))


def _reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, DeadLetter) else outcome.error
