"""The trace of the program that calls a command.

Source: https://opentelemetry.io/docs/specs/otel/context/env-carriers/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamroute.trace_context import TraceContext, parse_trace_context

_VARIABLES: Final = ("TRACEPARENT", "TRACESTATE")


def caller_trace(env: Mapping[str, str]) -> TraceContext | None:
    """Return the trace context of the environment; None without a valid one."""
    return parse_trace_context(*(env.get(name) for name in _VARIABLES))
