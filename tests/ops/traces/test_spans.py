"""Each message and each handler has a span, and is handled as if it had none."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler
from opentelemetry.trace import SpanKind, StatusCode

from consuming import STREAM
from messages import message_of
from spans import PRODUCED, Traced, context_of, linked, parent_id, produced, traced_pipeline
from streamroute.core.tracing import finished
from streamroute.errors import LeaseLostError, Postpone, Reject, Retry
from streamroute.message_trace import current_context
from streamroute.ops.traces.mode import TraceMode
from streamroute.ops.traces.spans import MessageSpans
from streamroute.trace_context import TraceContext
from streamroute.values import DeadLetter, DedupeDecision, RetryLater

PROCESS = f"process {STREAM}"
SECRET = "no luck at https://user:hidden@host/?token=abc"


class Seen:
    """The container of the handlers: the spans that were current in them, and what to raise."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.current: list[str] = []
        self.sent: list[TraceContext | None] = []
        self.error = error

    def note(self, payload: Any) -> None:
        """Note the current span, and what an entry that is sent now would carry."""
        self.current.append(f"{trace.get_current_span().get_span_context().span_id:016x}")
        self.sent.append(current_context(payload))
        if self.error is not None:
            raise self.error


async def in_task(payload: Any, container: Seen) -> None:
    """A handler of the event loop that waits once."""
    await asyncio.sleep(0)
    container.note(payload)


def in_thread(payload: Any, container: Seen) -> None:
    """A handler of a thread."""
    container.note(payload)


def route(name: str, function: str = "in_task", more: str = "") -> str:
    return f"- {{name: {name}, type: t, handler: '{__name__}:{function}'{more}}}\n"


async def test_a_message_has_a_span_by_the_conventions_for_messaging(tmp_path: Path) -> None:
    traced = Traced()
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen())
    message = produced({"type": "t"}, pipeline=pipeline, deliveries=3, attempt=2)
    await finished(pipeline.process_message(message))
    span = traced.one(PROCESS)
    assert span.kind is SpanKind.CONSUMER
    assert dict(span.attributes or {}) == {
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": STREAM,
        "messaging.consumer.group.name": "g",
        "messaging.message.id": "7-0",
        "messaging.message.envelope.size": sum(len(n) + len(v) for n, v in message.fields.items()),
        "streamroute.type": "t",
        "streamroute.attempt": 2,
        "streamroute.deliveries": 3,
        "streamroute.generation": pipeline.generation,
        "streamroute.outcome": "succeeded",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert message.delivery.trace == context_of(span)


async def test_a_link_leads_to_the_producer_and_the_trace_is_its_own(tmp_path: Path) -> None:
    traced = Traced()
    await finished(
        traced_pipeline(tmp_path, route("a"), traced, Seen()).process_message(produced({"type": "t"}))
    )
    span = traced.one(PROCESS)
    assert (parent_id(span), linked(span)) == (None, [PRODUCED.span_id])
    assert context_of(span).trace_id != PRODUCED.trace_id
    assert span.links[0].context.trace_state.to_header() == "shop=1"


async def test_a_child_is_in_the_trace_of_its_producer(tmp_path: Path) -> None:
    traced = Traced(TraceMode.CHILD)
    await finished(
        traced_pipeline(tmp_path, route("a"), traced, Seen()).process_message(produced({"type": "t"}))
    )
    span = traced.one(PROCESS)
    assert (parent_id(span), linked(span)) == (PRODUCED.span_id, [PRODUCED.span_id])
    assert context_of(span).trace_id == traced.one("route a").context.trace_id.to_bytes(16).hex()
    assert context_of(span).trace_id == PRODUCED.trace_id


@pytest.mark.parametrize("mode", [TraceMode.LINK, TraceMode.CHILD])
async def test_a_message_without_a_context_begins_a_trace(tmp_path: Path, mode: TraceMode) -> None:
    traced = Traced(mode)
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen())
    for field in (b"", b"00-0-0-0", b"\xff" * 55):
        await finished(
            pipeline.process_message(produced({"type": "t"}, None, fields={b"traceparent": field}))
        )
    assert [(parent_id(span), linked(span)) for span in traced.ended(PROCESS)] == 3 * [(None, [])]


@pytest.mark.parametrize("mode", [TraceMode.LINK, TraceMode.CHILD])
async def test_a_retry_links_to_the_attempt_before(tmp_path: Path, mode: TraceMode) -> None:
    traced = Traced(mode)
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen())
    before = TraceContext(f"00-{'1' * 32}-{'2' * 16}-01")
    await finished(pipeline.process_message(produced({"type": "t"}, trace=PRODUCED)))
    for message in (produced({"type": "t"}), produced({"type": "t"}, None)):
        message.delivery.trace = before
        await finished(pipeline.process_message(message))
    with_producer, alone = traced.ended(PROCESS)[1:]
    assert linked(with_producer) == [PRODUCED.span_id, before.span_id]
    assert linked(alone) == [before.span_id]
    if mode is TraceMode.CHILD:
        assert [parent_id(with_producer), parent_id(alone)] == [PRODUCED.span_id, before.span_id]


@pytest.mark.parametrize("function", ["in_task", "in_thread"])
async def test_the_span_of_a_handler_is_current_where_it_runs(tmp_path: Path, function: str) -> None:
    traced, seen = Traced(), Seen()
    pipeline = traced_pipeline(tmp_path, route("a", function) + route("b", function), traced, seen)
    message = produced({"type": "t"})
    outside = trace.get_current_span()
    await finished(pipeline.process_message(message))
    handlers = [traced.one("route a"), traced.one("route b")]
    assert seen.current == [context_of(span).span_id for span in handlers]
    assert seen.sent == [context_of(span) for span in handlers], "what it sends carries it"
    assert [parent_id(span) for span in handlers] == 2 * [context_of(traced.one(PROCESS)).span_id]
    assert [dict(span.attributes or {}) for span in handlers] == [
        {"streamroute.route": "a"},
        {"streamroute.route": "b"},
    ]
    assert trace.get_current_span() is outside
    assert message.delivery.trace == context_of(traced.one(PROCESS))


async def test_handlers_of_messages_at_once_have_their_own_spans(tmp_path: Path) -> None:
    traced, seen = Traced(), Seen()
    pipeline = traced_pipeline(tmp_path, route("a", "in_thread"), traced, seen)
    await asyncio.gather(*(finished(pipeline.process_message(produced({"type": "t"}))) for _ in range(20)))
    assert len(set(seen.current)) == 20
    parents = {parent_id(span) for span in traced.ended("route a")}
    assert parents == {context_of(span).span_id for span in traced.ended(PROCESS)}


@pytest.mark.parametrize(
    ("error", "outcome", "name", "text"),
    [
        (ValueError(SECRET), "retried", "ValueError", "no luck at https://user:***@host/?token=***"),
        (Reject("not today"), "dead", "Reject", "not today"),
        (Retry(5, "later"), "retried", "Retry", "later"),
        (ValueError("half \ud800 of a pair"), "retried", "ValueError", "half \\ud800 of a pair"),
        (ValueError("x" * 10_000), "retried", "ValueError", None),
    ],
)
async def test_a_failure_is_the_status_and_an_event_of_the_span(
    tmp_path: Path, error: Exception, outcome: str, name: str, text: str | None
) -> None:
    traced = Traced()
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen(error))
    await finished(pipeline.process_message(produced({"type": "t"})))
    span = traced.one("route a")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == name
    (event,) = span.events
    written = dict(event.attributes or {})
    assert event.name == "exception"
    assert written["exception.type"] == name
    assert text is None or written["exception.message"] == text
    assert len(str(written)) < 25_000
    assert "hidden" not in str(written) + str(span.status.description)
    assert "in note" in str(written["exception.stacktrace"])
    message = traced.one(PROCESS)
    assert (message.attributes or {})["streamroute.outcome"] == outcome
    assert (message.status.status_code, message.status.description) == (StatusCode.ERROR, "failed: a")


async def test_what_the_configuration_hides_is_in_no_span(tmp_path: Path) -> None:
    traced, root = Traced(), "redact: [guest.email]\n"
    error = ValueError("no such guest: ada@example.com at https://x:hidden@host")
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen(error), root)
    payload = {"type": "t", "guest": {"email": "ada@example.com"}}
    await finished(pipeline.process_message(produced(payload, pipeline=pipeline)))
    span = traced.one("route a")
    assert span.status.description == "ValueError: no such guest: (redacted) at https://x:***@host"
    assert "ada@" not in traced.provider.resource.to_json() + "".join(
        one.to_json() for one in traced.exporter.get_finished_spans()
    )


async def test_a_message_that_waits_has_not_failed(tmp_path: Path) -> None:
    traced = Traced()
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen(Postpone(1, "another one runs")))
    await finished(pipeline.process_message(produced({"type": "t"})))
    for span in (traced.one("route a"), traced.one(PROCESS)):
        assert span.status.status_code is StatusCode.UNSET
        assert (span.attributes or {})["streamroute.outcome"] == "postponed"


async def test_a_route_that_ran_before_for_the_same_key_is_skipped(tmp_path: Path) -> None:
    traced, seen = Traced(), Seen()
    routes = route("a", more=", dedupe: {key: n, ttl: 1h}")
    pipeline = traced_pipeline(tmp_path, routes, traced, seen)
    for decision in (DedupeDecision.RUN, DedupeDecision.SKIP):
        message = produced({"type": "t", "n": 1}, coordinator=Deciding(decision))
        await finished(pipeline.process_message(message))
    assert len(seen.current) == 1
    assert [(span.attributes or {}).get("streamroute.outcome") for span in traced.ended("route a")] == [
        None,
        "skipped",
    ]


class Deciding:
    """A storage that decides on duplicates as told."""

    def __init__(self, decision: DedupeDecision) -> None:
        self.decision = decision

    async def begin(self, *_arguments: Any) -> tuple[DedupeDecision, float]:
        return self.decision, 0.0


async def test_a_lost_lease_and_a_cancellation_are_no_failures(tmp_path: Path) -> None:
    traced, started = Traced(), asyncio.Event()
    pipeline = traced_pipeline(tmp_path, route("a"), traced, Seen(LeaseLostError("gone")))
    with pytest.raises(LeaseLostError):
        await finished(pipeline.process_message(produced({"type": "t"})))

    async def waiting(_payload: dict[str, Any]) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(traced.spans.trace_messages(waiting, STREAM)(produced({"type": "t"})))
    await started.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    spans = traced.ended(PROCESS)
    assert [(span.attributes or {})["streamroute.outcome"] for span in spans] == ["lost", "cancelled"]
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET}


async def test_a_route_that_runs_too_long_is_named_as_such(tmp_path: Path) -> None:
    traced = Traced()
    handler = f"'{__name__}:forever'"
    pipeline = traced_pipeline(
        tmp_path, f"- {{name: a, type: t, handler: {handler}, timeout: 20ms}}\n", traced
    )
    await finished(pipeline.process_message(produced({"type": "t"})))
    assert (traced.one("route a").attributes or {})["error.type"] == "HandlerTimeout"


async def forever(_payload: Any) -> None:
    """A handler without an end."""
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "error", [None, ValueError("no"), Reject("no"), Retry(3), Postpone(1), KeyboardInterrupt()]
)
async def test_a_traced_message_has_the_outcome_of_any_other(
    tmp_path: Path, error: BaseException | None
) -> None:
    found = []
    for traced in (None, Traced()):
        pipeline = traced_pipeline(tmp_path, route("a", more=", formerly: [z]"), traced, Seen(error))
        message = produced({"type": "t"}, routes=frozenset({"z"}))
        await finished(pipeline.process_message(message))
        outcomes = message.delivery.outcomes or []
        facts = [
            (one.reason, one.error, one.attempt) if isinstance(one, DeadLetter) else (one.delay, one.attempt)
            for one in outcomes
        ]
        found.append([(type(one), one.route, *fact) for one, fact in zip(outcomes, facts, strict=True)])
        assert pipeline.dispatcher.known_routes().routes == {"a", "z"}
    assert found[0] == found[1]
    assert [one[0] for one in found[0]] in ([], [RetryLater], [DeadLetter])


async def test_what_is_not_sampled_is_passed_on_as_such(tmp_path: Path) -> None:
    traced, seen = Traced(TraceMode.CHILD, sampler=ParentBased(ALWAYS_OFF)), Seen(ValueError("no"))
    pipeline = traced_pipeline(tmp_path, route("a"), traced, seen)
    unsampled = PRODUCED._replace(traceparent=f"{PRODUCED.traceparent[:-2]}00")
    await finished(pipeline.process_message(produced({"type": "t"}, unsampled)))
    assert traced.exporter.get_finished_spans() == ()
    (sent,) = seen.sent
    assert sent is not None
    assert (sent.trace_id, sent.flags) == (PRODUCED.trace_id, 0)
    await finished(pipeline.process_message(produced({"type": "t"})))
    assert len(traced.exporter.get_finished_spans()) == 2, "the producer's is sampled, so this one is"


class Broken(Sampler, SpanProcessor):
    """A sampler and a processor of the user that fail."""

    def should_sample(self, *_arguments: Any, **_named: Any) -> Any:
        raise RuntimeError("a broken sampler")

    def get_description(self) -> str:
        return "broken"

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("a broken processor")


@pytest.mark.parametrize("part", ["sampler", "processor"])
async def test_a_broken_sampler_or_processor_costs_no_message(
    tmp_path: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    traced = Traced(sampler=Broken()) if part == "sampler" else Traced()
    if part == "processor":
        traced.provider.add_span_processor(Broken())
    seen = Seen()
    pipeline = traced_pipeline(tmp_path, route("a"), traced, seen)
    for _ in range(3):
        message = produced({"type": "t"})
        await finished(pipeline.process_message(message))
        assert message.delivery.outcomes == []
    assert len(seen.sent) == 3
    if part == "sampler":
        assert seen.sent == 3 * [PRODUCED], "without a span of its own, the producer's context is passed on"
    lines = [
        record.getMessage() for record in caplog.records if record.name.startswith("streamroute.ops.traces")
    ]
    assert lines == [
        f"spans are missing, since OpenTelemetry failed: RuntimeError: a broken {part} (logged once)"
    ]


async def test_hostile_names_are_cut_and_can_be_encoded(tmp_path: Path) -> None:
    traced = Traced()
    process = traced.spans.trace_messages(_nothing, "s\ud800" * 1000)
    await process(message_of({"type": "\udcff" * 1000}, id="i" * 1000, group="\ud800", outcomes=[]))
    await process(message_of({"type": ["t"]}, outcomes=[]))
    for span in traced.exporter.get_finished_spans():
        texts = [span.name, *(value for value in (span.attributes or {}).values() if type(value) is str)]
        assert all(len(text.encode()) < 1000 for text in texts)


async def _nothing(_payload: dict[str, Any]) -> None:
    """Process a message without any handler."""


async def test_a_payload_of_another_storage_has_no_span() -> None:
    traced, ran = Traced(), []

    async def process(payload: dict[str, Any]) -> None:
        ran.append(payload)

    await traced.spans.trace_messages(process, STREAM)({"type": "t"})
    assert ran == [{"type": "t"}]
    assert traced.exporter.get_finished_spans() == ()


async def test_a_handler_of_a_plain_payload_has_one() -> None:
    traced = Traced()

    async def run(payload: Any, _container: Any) -> str:
        return str(payload["type"])

    assert await traced.spans.trace_handler(run, "a")({"type": "t"}, None) == "t"
    assert traced.one("route a").parent is None


async def test_a_tracer_that_records_nothing_changes_no_context() -> None:
    message = produced({"type": "t"})
    await MessageSpans(trace.NoOpTracer()).trace_messages(_nothing, STREAM)(message)
    assert current_context(message) == PRODUCED
