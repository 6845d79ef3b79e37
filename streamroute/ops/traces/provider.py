"""The provider of spans for one process: that of the user's code, else one as the environment says."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from streamroute.core.tracing import Tracing
from streamroute.errors import SetupError
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.logs.exception_text import error_line
from streamroute.ops.traces.exporters import exporters_of
from streamroute.ops.traces.exporting import ExportProblems, ReportingExporter, export_problems
from streamroute.ops.traces.mode import TraceMode
from streamroute.ops.traces.spans import MessageSpans
from streamroute.version import VERSION

log = logging.getLogger(__name__)

_LAST_EXPORT: Final = 3.0  # seconds for the spans that are not exported yet when the process ends


@asynccontextmanager
async def open_tracing(mode: TraceMode, env: Mapping[str, str]) -> AsyncIterator[Tracing]:
    """Yield what traces the messages of this process; export the remaining spans on exit, for 3 s at most.

    If the user's code has set a provider (``opentelemetry.trace.set_tracer_provider``), its spans are used,
    and it is left open. Else one is created from the variables ``OTEL_*``, and set for the user's code, too.
    Call it after a fork, not before: its thread does not survive one.

    Raises SetupError if the variables name no usable exporter, or have values that OpenTelemetry refuses.
    """
    current = trace.get_tracer_provider()
    if isinstance(current, TracerProvider):
        log.info("spans go to the provider that the handlers' code has set")
        yield MessageSpans(_tracer(current), mode)
        return
    with export_problems() as problems:
        provider = _provider(env, problems)
        if problems.latest:
            log.warning("settings of OpenTelemetry: %s", problems.latest, extra=NEVER_COALESCED)
        trace.set_tracer_provider(provider)
        try:
            yield MessageSpans(_tracer(provider), mode)
        finally:
            await _shut_down(provider)


def _provider(env: Mapping[str, str], problems: ExportProblems) -> TracerProvider:
    """Create a provider; the sampler and the limits are read from ``OTEL_TRACES_SAMPLER`` and others."""
    exporters = exporters_of(env)
    try:
        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        for exporter in exporters:
            provider.add_span_processor(BatchSpanProcessor(ReportingExporter(exporter, problems)))
    except Exception as error:
        raise SetupError(f"traces cannot be set up by the variables OTEL_*: {error_line(error)}") from error
    return provider


def _resource() -> Resource:
    """Return the attributes of this process; those of ``OTEL_RESOURCE_ATTRIBUTES`` take precedence."""
    own = {"service.name": "streamroute", "service.instance.id": f"{socket.gethostname()}-{os.getpid()}"}
    return Resource.create({**own, **OTELResourceDetector().detect().attributes})


def _tracer(provider: TracerProvider) -> trace.Tracer:
    return provider.get_tracer("streamroute", VERSION)


async def _shut_down(provider: TracerProvider) -> None:
    """Export the remaining spans, in a thread: an exporter may hang."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def shut_down() -> None:
        try:
            provider.shutdown()
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=shut_down, name="streamroute-traces", daemon=True).start()
    try:
        async with asyncio.timeout(_LAST_EXPORT):
            await ended.wait()
    except TimeoutError:
        log.warning("the last spans could not be exported in %gs", _LAST_EXPORT, extra=NEVER_COALESCED)
