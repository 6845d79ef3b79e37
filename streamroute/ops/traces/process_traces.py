"""The spans of a process that serves; OpenTelemetry is imported only if they are switched on."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamroute.errors import SetupError
from streamroute.ops.traces.mode import TraceMode, trace_mode
from streamroute.system.extras import import_extra

if TYPE_CHECKING:
    from streamroute.core.tracing import Tracing


@asynccontextmanager
async def process_traces(stated: str | None) -> AsyncIterator[Tracing | None]:
    """Yield what traces the messages of this process; None without traces.

    ``stated`` is the value of ``--traces``. Raises SetupError without the extra ``otel``, and for settings
    ``OTEL_*`` by which no exporter can be created.
    """
    mode = trace_mode(stated, os.environ)
    if mode is TraceMode.OFF:
        yield None
        return
    try:
        import_extra("opentelemetry")
        import_extra("opentelemetry.sdk.trace")
    except ImportError as error:
        raise SetupError("traces need OpenTelemetry: pip install 'streamroute[otel]'") from error
    from streamroute.ops.traces.provider import open_tracing

    async with open_tracing(mode, os.environ) as tracing:
        yield tracing
