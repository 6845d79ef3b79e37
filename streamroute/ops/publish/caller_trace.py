"""Publishes events as part of the trace of the program that calls the command.

Source: https://opentelemetry.io/docs/specs/otel/context/env-carriers/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamroute.ops.publish.feed import SupportsPublish
from streamroute.trace_context import (
    TRACEPARENT,
    TraceContext,
    context_values,
    parse_trace_context,
    with_context,
)

_VARIABLES: Final = ("TRACEPARENT", "TRACESTATE")


@dataclass(frozen=True, slots=True)
class CallerTrace:
    """A target whose entries carry a trace context, unless the event has one of its own."""

    target: SupportsPublish
    context: TraceContext

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """See ``SupportsPublish``."""
        entry = self.target.encode(payload)
        if TRACEPARENT in payload or context_values(entry)[0] is not None:
            return entry
        return with_context(entry, self.context)

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """See ``SupportsPublish``."""
        return await self.target.publish(entries)


def in_trace_of_caller(target: SupportsPublish, env: Mapping[str, str]) -> SupportsPublish:
    """Return a target whose entries carry the trace context of the environment, if it has a valid one."""
    context = parse_trace_context(*(env.get(name) for name in _VARIABLES))
    return target if context is None else CallerTrace(target, context)
