"""How the failure of a handler or a message is written to its span."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.trace import Span, Status, StatusCode

from streamroute.core.cancellation import is_own_cancellation
from streamroute.errors import LeaseLostError, Postpone, RouteFailure
from streamroute.logs.exception_text import cause_of, error_line, traceback_text
from streamroute.message import Message
from streamroute.text.limits import NAME
from streamroute.text.safe_text import redacted_str, type_name
from streamroute.text.truncation import clip
from streamroute.values import DeadLetter, Outcome

OUTCOME: Final = "streamroute.outcome"
_ERROR_TYPE: Final = "error.type"
_SHOWN: Final = 5  # routes named in the status of a message


def record_error(span: Span, error: BaseException, payload: Mapping[str, Any]) -> None:
    """Write the exception of a handler: an event, and the status; no failure for one that is postponed.

    The texts are those of the dead letter: of bounded length, without the passwords in URLs. The values of
    the payload that the configuration hides are left out: spans leave the process.

    Source: https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
    """
    if not span.is_recording():
        return
    interruption = _interruption(error)
    if interruption:
        span.set_attribute(OUTCOME, interruption)
        return
    redact = _hiding(payload)
    cause = (cause_of(error) or error) if issubclass(type(error), RouteFailure) else error
    span.set_attribute(_ERROR_TYPE, type_name(cause))
    span.add_event(
        "exception",
        {
            "exception.type": type_name(cause),
            "exception.message": redact(redacted_str(cause)),
            "exception.stacktrace": redact(traceback_text(cause)),
        },
    )
    span.set_status(Status(StatusCode.ERROR, redact(error_line(cause))))


def _hiding(payload: Mapping[str, Any]) -> Callable[[str], str]:
    """Return what replaces the hidden values of a message in a text."""
    pipeline = payload.delivery.pipeline if isinstance(payload, Message) else None
    if pipeline is None or not pipeline.redactor.is_active or not isinstance(payload, Message):
        return str
    return pipeline.redactor.hidden_in(payload, payload.fields).redact


def _interruption(error: BaseException) -> str:
    """Return how a call ended that did not fail; empty for a failure."""
    error_type = type(error)
    if issubclass(error_type, Postpone):
        return "postponed"
    if issubclass(error_type, LeaseLostError):
        return "lost"
    return "cancelled" if is_own_cancellation(error) else ""


def record_outcomes(span: Span, outcomes: Sequence[Outcome]) -> None:
    """Write what becomes of a message: its worst outcome, and the routes that failed."""
    if not span.is_recording():
        return
    failed = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter) or not outcome.postponed]
    postponed = [outcome for outcome in outcomes if outcome not in failed]
    if not failed:
        span.set_attribute(OUTCOME, "postponed" if postponed else "succeeded")
        return
    dead = [outcome for outcome in failed if isinstance(outcome, DeadLetter)]
    span.set_attribute(OUTCOME, "dead" if dead else "retried")
    span.set_status(Status(StatusCode.ERROR, _failed_routes(failed)))


def _failed_routes(failed: list[Outcome]) -> str:
    names = [clip(outcome.route, NAME) if outcome.route else "the message" for outcome in failed]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"failed: {', '.join(names[:_SHOWN])}{more}"
