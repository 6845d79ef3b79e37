"""MessageSpans of the real SDK, kept in memory, for tests of what is traced."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from consuming import STREAM
from messages import message_of
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.pipeline import check_path
from streamroute.core.observer import ignore_result
from streamroute.message import Message
from streamroute.ops.traces.mode import TraceMode
from streamroute.ops.traces.spans import MessageSpans
from streamroute.stream_pipeline import Pipeline, build_pipeline
from streamroute.trace_context import TraceContext

PRODUCED: Final = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "shop=1")
"""The context that the producer of ``produced`` messages wrote."""


class Traced:
    """What traces a pipeline, and the spans that it has ended."""

    def __init__(self, mode: TraceMode = TraceMode.LINK, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **settings)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = MessageSpans(self.provider.get_tracer("test"), mode)

    def ended(self, name: str) -> list[ReadableSpan]:
        """Return the ended spans with this name, in the order of their ends."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span with this name."""
        (span,) = self.ended(name)
        return span


def traced_pipeline(
    folder: Path, routes: str, traced: Traced | None, container: object = None, root: str = ""
) -> Pipeline:
    """Return the pipeline of a configuration with these routes and root keys, traced or not."""
    head = (
        f"version: 1\n{root}streams: {{{STREAM}: {{group: g, retry: {{delay: 10ms, jitter: 0}}}}}}\nroutes:\n"
    )
    (folder / "routes.yaml").write_text(head + routes)
    found = check_path(folder)
    assert found.compiled is not None, [str(finding) for finding in found.findings]
    tracing = None if traced is None else traced.spans
    routers = found.compiled.routers_in(RuntimeContext({}, validated=True, tracing=tracing))[STREAM]
    stream = found.compiled.document.streams[STREAM]
    return build_pipeline(stream, found.compiled, routers, container, ignore_result, tracing=tracing)


def produced(payload: dict[str, Any], trace: TraceContext | None = PRODUCED, **facts: Any) -> Message:
    """Return a message whose entry has this trace context."""
    own = {} if trace is None else trace.as_fields()
    fields = {name.encode(): value.encode() for name, value in {"type": "t", **own}.items()}
    known = {"id": "7-0", "stream": STREAM, "group": "g", "fields": fields, "outcomes": []}
    return message_of(payload, **{**known, **facts})


def context_of(span: ReadableSpan) -> TraceContext:
    """Return the context of a span."""
    context = span.get_span_context()
    assert context is not None
    return TraceContext(f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}")


def linked(span: ReadableSpan) -> list[str]:
    """Return the ids of the spans that a span links to."""
    return [f"{link.context.span_id:016x}" for link in span.links]


def parent_id(span: ReadableSpan) -> str | None:
    """Return the id of a span's parent."""
    return None if span.parent is None else f"{span.parent.span_id:016x}"
