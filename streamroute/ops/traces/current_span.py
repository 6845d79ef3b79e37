"""The span in which a message or a handler runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import Any

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from streamroute.message import Message
from streamroute.ops.traces.failures import record_error
from streamroute.ops.traces.guarded_tracer import GuardedTracer
from streamroute.ops.traces.span_contexts import trace_context


class CurrentSpan:
    """Makes a span the current one inside a block, and ends it; an exception is written to it.

    What is sent inside the block for the message, if ``payload`` is one, carries the context of the span. A
    retry and a dead letter are written later: ``keeps_trace`` leaves the context there.
    """

    __slots__ = ("_delivery", "_keeps_trace", "_outer", "_payload", "_span", "_token", "_tracer")

    def __init__(
        self, tracer: GuardedTracer, span: Span, payload: Mapping[str, Any], *, keeps_trace: bool = False
    ) -> None:
        self._tracer = tracer
        self._span = span
        self._payload = payload
        self._delivery = payload.delivery if isinstance(payload, Message) else None
        self._keeps_trace = keeps_trace

    def __enter__(self) -> None:
        self._token: Token[Context] = attach(set_span_in_context(self._span))
        delivery = self._delivery
        if delivery is not None:
            self._outer = delivery.trace
            delivery.trace = trace_context(self._span) or self._outer

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            record_error(self._span, error, self._payload)
        if self._delivery is not None and not self._keeps_trace:
            self._delivery.trace = self._outer
        detach(self._token)
        self._tracer.end(self._span)


def is_unsampled() -> bool:
    """Whether the current span belongs to a trace of which nothing is recorded."""
    current = get_current_span()
    return not current.is_recording() and current.get_span_context().is_valid
