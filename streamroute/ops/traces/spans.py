"""MessageSpans of messages and handlers, by the conventions for messaging.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind, Tracer

from streamroute.core.observer import Result
from streamroute.core.router import HandlerFunc
from streamroute.core.tracing import ProcessMessage, TracedMessage, finished
from streamroute.message import Message, entry_size
from streamroute.message_trace import producer_context
from streamroute.ops.traces.current_span import CurrentSpan, is_unsampled
from streamroute.ops.traces.failures import OUTCOME, record_outcomes
from streamroute.ops.traces.guarded_tracer import GuardedTracer
from streamroute.ops.traces.mode import TraceMode
from streamroute.ops.traces.span_contexts import as_parent, links_to
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

_FIXED: Final = {
    "messaging.system": "redis",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
}


class MessageSpans:
    """Wraps messages and handlers in spans of a tracer; see ``core.tracing.Tracing``."""

    def __init__(self, tracer: Tracer, mode: TraceMode = TraceMode.LINK) -> None:
        self._tracer = GuardedTracer(tracer)
        self._mode = mode

    def trace_messages(self, process: ProcessMessage, stream: str) -> TracedMessage:
        """Give each message of the stream a span; retries and dead letters are written with its context."""
        tracer, name = self._tracer, f"process {clip(stream, NAME)}"
        fixed = {**_FIXED, "messaging.destination.name": clip(stream, NAME)}

        async def traced(payload: dict[str, Any]) -> None:
            if not isinstance(payload, Message):
                await finished(process(payload))
                return
            span = self._message_span(name, fixed, payload)
            with CurrentSpan(tracer, span, payload, keeps_trace=True):
                await finished(process(payload))
                if span.is_recording():
                    record_outcomes(span, payload.delivery.outcomes or ())

        return traced

    def trace_handler(self, run: HandlerFunc, route: str) -> HandlerFunc:
        """Give each call of the route's handler a span, which is the current one in its thread, too.

        A message that is not sampled has no spans of handlers.
        """
        tracer, name = self._tracer, f"route {clip(route, NAME)}"
        attributes = {"streamroute.route": clip(route, NAME)}

        async def traced(payload: dict[str, Any], container: Any) -> Any:
            if is_unsampled():
                return await run(payload, container)
            span = tracer.start(name, attributes=attributes)
            with CurrentSpan(tracer, span, payload):
                result = await run(payload, container)
                if result is Result.SKIPPED:
                    span.set_attribute(OUTCOME, Result.SKIPPED)
                return result

        return traced

    def _message_span(self, name: str, fixed: Mapping[str, str], message: Message) -> Span:
        """Start the span of a message, linked to its producer's span and to that of the attempt before."""
        producer, previous = producer_context(message), message.delivery.trace
        parent = (producer or previous) if self._mode is TraceMode.CHILD else None
        return self._tracer.start(
            name,
            context=as_parent(parent),
            kind=SpanKind.CONSUMER,
            attributes=_attributes(fixed, message),
            links=links_to(producer, previous),
        )


def _attributes(fixed: Mapping[str, str], message: Message) -> Mapping[str, str | int]:
    message_type = message.get("type")
    return {
        **fixed,
        "messaging.consumer.group.name": _short(message.group),
        "messaging.message.id": _short(message.id),
        "messaging.message.envelope.size": entry_size(message),
        "streamroute.type": _short(message_type) if type(message_type) is str else "",
        "streamroute.attempt": message.attempt,
        "streamroute.deliveries": message.delivery.deliveries,
        "streamroute.generation": message.delivery.generation,
    }


def _short(text: str) -> str:
    return text if len(text) <= NAME and text.isascii() else clip(text, NAME)
