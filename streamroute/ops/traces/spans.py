"""MessageSpans of messages and handlers, by the conventions for messaging.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind, Tracer

from streamroute.core.observer import Result
from streamroute.core.router import HandlerFunc
from streamroute.core.tracing import ProcessMessage
from streamroute.message import Message, entry_size
from streamroute.message_trace import producer_context
from streamroute.ops.traces.failures import OUTCOME, record_outcomes
from streamroute.ops.traces.guarded_tracer import GuardedTracer
from streamroute.ops.traces.mode import TraceMode
from streamroute.ops.traces.span_contexts import as_parent, links_to, trace_context
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

    def trace_messages(self, process: ProcessMessage, stream: str) -> ProcessMessage:
        """Give each message of the stream a span; retries and dead letters are written with its context."""
        name = f"process {clip(stream, NAME)}"

        async def traced(payload: dict[str, Any]) -> None:
            if not isinstance(payload, Message):
                await process(payload)
                return
            delivery, span = payload.delivery, self._message_span(name, payload)
            delivery.trace = trace_context(span) or delivery.trace
            with self._tracer.current(span):
                await process(payload)
                record_outcomes(span, delivery.outcomes or ())

        return traced

    def trace_handler(self, run: HandlerFunc, route: str) -> HandlerFunc:
        """Give each call of the route's handler a span, which is the current one in its thread, too.

        What the handler forwards and sends to webhooks carries the context of that span.
        """
        name, attributes = f"route {clip(route, NAME)}", {"streamroute.route": clip(route, NAME)}

        async def traced(payload: dict[str, Any], container: Any) -> Any:
            span = self._tracer.start(name, attributes=attributes)
            with self._tracer.current(span), _sent_with(span, payload):
                result = await run(payload, container)
                if result is Result.SKIPPED and span.is_recording():
                    span.set_attribute(OUTCOME, Result.SKIPPED)
                return result

        return traced

    def _message_span(self, name: str, message: Message) -> Span:
        """Start the span of a message, linked to its producer's span and to that of the attempt before."""
        producer, previous = producer_context(message), message.delivery.trace
        parent = (producer or previous) if self._mode is TraceMode.CHILD else None
        return self._tracer.start(
            name,
            context=as_parent(parent),
            kind=SpanKind.CONSUMER,
            attributes=_attributes(message),
            links=links_to((producer, previous)),
        )


def _attributes(message: Message) -> Mapping[str, str | int]:
    message_type = message.get("type")
    return {
        **_FIXED,
        "messaging.destination.name": clip(message.stream, NAME),
        "messaging.consumer.group.name": clip(message.group, NAME),
        "messaging.message.id": clip(message.id, NAME),
        "messaging.message.envelope.size": entry_size(message),
        "streamroute.type": clip(message_type, NAME) if type(message_type) is str else "",
        "streamroute.attempt": message.attempt,
        "streamroute.deliveries": message.deliveries,
        "streamroute.generation": message.delivery.generation,
    }


@contextmanager
def _sent_with(span: Span, payload: Mapping[str, Any]) -> Iterator[None]:
    """Let what is sent inside the block carry the context of a span."""
    context = trace_context(span)
    if context is None or not isinstance(payload, Message):
        yield
        return
    delivery = payload.delivery
    outer, delivery.trace = delivery.trace, context
    try:
        yield
    finally:
        delivery.trace = outer
