"""The trace that a program is in: that of OpenTelemetry's current span."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from streamroute.publishing.current_trace import current_trace

CONTEXT = SpanContext(0xAF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=False)


def test_without_a_span_there_is_none() -> None:
    assert current_trace() is None


def test_the_current_span_is_the_context() -> None:
    state = TraceState([("v", "1")])
    span = SpanContext(CONTEXT.trace_id, CONTEXT.span_id, False, TraceFlags(1), state)
    with trace.use_span(NonRecordingSpan(span)):
        found = current_trace()
    assert found == ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "v=1")
    with trace.use_span(NonRecordingSpan(CONTEXT)):
        assert current_trace() == ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "")


def test_opentelemetry_is_not_imported() -> None:
    code = (
        "import sys; from streamroute.publishing.current_trace import current_trace; print(current_trace(), "
    )
    code += "any(name.startswith('opentelemetry') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None False\n"
