"""Converts trace contexts between W3C headers and OpenTelemetry's objects."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState

from streamroute.trace_context import TraceContext


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
        return Context()
    return set_span_in_context(NonRecordingSpan(span_context(context)), Context())


def links_to(contexts: Iterable[TraceContext | None]) -> list[Link]:
    """Return a link to each of these spans, in this order, each once."""
    return [Link(span_context(context)) for context in dict.fromkeys(contexts) if context is not None]
