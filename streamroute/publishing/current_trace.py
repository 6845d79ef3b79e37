"""The trace that a program is in, if it uses OpenTelemetry."""

from __future__ import annotations

import sys

from streamroute.trace_context import TraceContext, parse_trace_context


def current_trace() -> TraceContext | None:
    """Return the context of OpenTelemetry's current span; None without one.

    A program that has not imported OpenTelemetry has no span.

    Source: https://opentelemetry.io/docs/specs/otel/context/api-propagators/
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return parse_trace_context(parent, context.trace_state.to_header())
