"""Converts trace contexts between W3C headers and OpenTelemetry's objects."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState

from streamroute.trace_context import TraceContext

_ROOT: Final = Context()


def span_context(context: TraceContext) -> SpanContext:
    """Return the context of a span of another process."""
    state = TraceState.from_header([context.tracestate]) if context.tracestate else TraceState()
    return SpanContext(
        trace_id=int(context.trace_id, 16),
        span_id=int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(context.flags),
        trace_state=state,
    )


def trace_context(span: Span) -> TraceContext | None:
    """Return the context of a span, for what is sent in it; None if it has no valid ids."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 0xFF:02x}"
    return TraceContext(parent, context.trace_state.to_header() if context.trace_state else "")


def as_parent(context: TraceContext | None) -> Context:
    """Return the context of a child of this span; without one, that of the first span of a trace."""
    if context is None:
        return _ROOT
    return set_span_in_context(NonRecordingSpan(span_context(context)), Context())


def links_to(producer: TraceContext | None, previous: TraceContext | None) -> list[Link]:
    """Return links to the span of the producer and to that of the attempt before, if they are known."""
    if producer is None and previous is None:
        return []
    contexts = dict.fromkeys((producer, previous))
    return [Link(span_context(context)) for context in contexts if context is not None]
