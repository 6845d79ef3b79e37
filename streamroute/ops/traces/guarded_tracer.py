"""A tracer whose failures cost no message: samplers and processors may be the user's own code."""

from __future__ import annotations

import logging
from typing import Any

from opentelemetry.trace import INVALID_SPAN, Span, Tracer

from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.logs.exception_text import error_line

log = logging.getLogger(__name__)


class GuardedTracer:
    """Starts and ends spans; if that raises, the message goes on without a span, which is logged once."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._has_warned = False

    def start(self, name: str, **settings: Any) -> Span:
        """Start a span; an invalid one if that fails."""
        try:
            return self._tracer.start_span(
                name, record_exception=False, set_status_on_exception=False, **settings
            )
        except Exception as error:  # noqa: BLE001 - of a sampler or a processor
            self._warn(error)
            return INVALID_SPAN

    def end(self, span: Span) -> None:
        """End a span."""
        try:
            span.end()
        except Exception as error:  # noqa: BLE001 - of a processor
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            template = "spans are missing, since OpenTelemetry failed: %s (logged once)"
            log.warning(template, error_line(error), extra=NEVER_COALESCED)
