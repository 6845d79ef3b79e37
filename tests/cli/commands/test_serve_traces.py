"""``streamroute serve --traces``: spans reach a real receiver of OTLP, or are lost without any other loss."""

from __future__ import annotations

import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from servers import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from projects import Project

OK = "name: ok, type: t, handler: jobs.ok"
FAIL = "name: fail, type: t, handler: jobs.fail"
FORWARD = "name: send, type: t, handler: streamroute.handlers.forward, with: {stream: others}"
TRACE, PRODUCER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EVENT = json.dumps({"type": "t", "n": 1, "traceparent": f"00-{TRACE}-{PRODUCER}-01"})


class Collector(ThreadingHTTPServer):
    """A receiver of OTLP over HTTP, which parses the protocol's own messages."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receive)
        self.requests: list[ExportTraceServiceRequest] = []
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self) -> list[Span]:
        found = [
            scope
            for request in list(self.requests)
            for one in request.resource_spans
            for scope in one.scope_spans
        ]
        return [span for scope in found for span in scope.spans]

    def names(self) -> list[str]:
        return sorted(span.name for span in self.spans)

    def attributes(self) -> list[dict[str, str]]:
        """Return the attributes of each process that has sent spans."""
        resources = [one.resource for request in list(self.requests) for one in request.resource_spans]
        return [{pair.key: pair.value.string_value for pair in resource.attributes} for resource in resources]


class _Receive(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.may_answer.wait(60)
        if self.server.status == 200 and self.path == "/v1/traces":
            self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing on stderr."""


@pytest.fixture
def collector(project: Project) -> Iterator[Collector]:
    """A collector that the project's commands export to."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        project.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = server.url
        yield server
        server.may_answer.set()
        server.shutdown()


def test_spans_reach_a_receiver(project: Project, collector: Collector) -> None:
    project.env["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=night"
    project.env["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"] = "gzip"
    project.routes(OK, FORWARD)
    project.feed(EVENT)
    done = project.run("serve", "--feed", "events.jsonl", "--drain", "--traces", "link")
    assert done.code == 0, done.err
    assert collector.names() == ["process events", "route ok", "route send"]
    spans = {span.name: span for span in collector.spans}
    process, sent = spans["process events"], spans["route send"]
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in process.links] == [(TRACE, PRODUCER)]
    assert sent.parent_span_id == process.span_id
    ((_, fields),) = project.redis.xrange("others")
    own = f"00-{sent.trace_id.hex()}-{sent.span_id.hex()}-"
    assert fields[b"traceparent"].decode().startswith(own)
    (attributes,) = collector.attributes()
    assert attributes["service.name"] == "streamroute"
    assert attributes["deployment.environment.name"] == "night"


def test_all_attempts_of_a_message_are_connected(project: Project, collector: Collector) -> None:
    """From the first attempt to the dead letter, and from there back: `dead retry` continues the chain."""
    project.routes(FAIL)
    project.feed(EVENT)
    serve = ("serve", "--traces", "child", "--drain")
    assert project.run(*serve, "--feed", "events.jsonl").code == 1
    shown = project.run("dead", "show", _dead_id(project), "--format", "json")
    letter = json.loads(shown.out)["trace"]
    first, second = (span for span in collector.spans if span.name == "process events")
    assert letter["traceparent"].startswith(f"00-{TRACE}-{second.span_id.hex()}-")
    assert project.run("dead", "retry", "--all").code == 0
    project.run(*serve)
    chain = [span for span in collector.spans if span.name == "process events"]
    assert len(chain) == 4
    assert {span.trace_id.hex() for span in chain} == {TRACE}
    links = [[link.span_id.hex() for link in span.links] for span in chain]
    before = [PRODUCER, *(span.span_id.hex() for span in chain[:-1])]
    assert links == [[PRODUCER], *([PRODUCER, one] for one in before[1:])]
    assert first.span_id == chain[0].span_id


def _dead_id(project: Project) -> str:
    ((entry_id, _),) = project.redis.xrange("{events}:tests:dead")
    return str(entry_id.decode())


@pytest.mark.processes
def test_each_worker_exports_its_own_spans(project: Project, collector: Collector) -> None:
    project.routes(OK)
    project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(50)))
    assert project.run("publish", "events", "events.jsonl").code == 0
    project.env["OTEL_TRACES_EXPORTER"] = "otlp"
    done = project.run("serve", "--workers", "2", "--drain")
    assert done.code == 0, done.err
    assert collector.names() == ["process events"] * 50 + ["route ok"] * 50
    instances = {attributes["service.instance.id"] for attributes in collector.attributes()}
    assert 1 <= len(instances) <= 2


def test_without_a_receiver_messages_go_on(project: Project) -> None:
    project.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://me:hidden@127.0.0.1:{free_port()}"
    project.env["OTEL_BSP_SCHEDULE_DELAY"] = "10"
    project.env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
    project.routes(OK)
    project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(500)))
    done = project.run("serve", "--feed", "events.jsonl", "--drain", "--traces", "link")
    assert done.code == 0, done.err
    assert len(project.ledger) == 500
    lines = [line for line in done.err.splitlines() if "spans" in line]
    assert sum("spans cannot be exported and are lost" in line for line in lines) == 1, done.err
    assert len(lines) <= 3, done.err
    assert "Traceback" not in done.err
    assert "hidden" not in done.err


def test_a_receiver_that_hangs_delays_nothing(project: Project, collector: Collector) -> None:
    collector.may_answer.clear()
    project.env |= {"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_MAX_QUEUE_SIZE": "64"}
    project.env |= {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32"}
    project.routes(OK)
    project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(500)))
    done = project.run("serve", "--feed", "events.jsonl", "--drain", "--traces", "link")
    assert done.code == 0, done.err
    assert len(project.ledger) == 500
    assert "spans are lost: they are exported more slowly than they end (logged once)" in done.err
    assert "the last spans could not be exported in 3s" in done.err


def test_spans_of_the_users_own_provider_go_there(project: Project) -> None:
    project.routes("name: ok, type: t, handler: own.ok")
    project.write(
        "own.py",
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
        "async def ok(payload):\n"
        "    with trace.get_tracer('mine').start_as_current_span('inside'):\n"
        "        pass\n",
    )
    project.feed(EVENT)
    done = project.run("serve", "--feed", "events.jsonl", "--drain", "--traces", "link")
    assert done.code == 0, done.err
    names = ["inside", "route ok", "process events"]
    assert re.findall('"name": "(.+)"', done.err) == names, "the output of imported code goes to stderr"
    assert "spans go to the provider that the handlers' code has set" in done.err


def test_a_reload_keeps_tracing(project: Project, collector: Collector) -> None:
    project.env["OTEL_BSP_SCHEDULE_DELAY"] = "10"
    project.routes(OK)
    running = project.start("serve", "--traces", "link", "--reload").expect_log("stream events")
    project.routes("name: later, type: t, handler: jobs.ok")
    running.expect_log("later")
    project.redis.xadd("events", {"type": "t", "data": '{"n": 1}'})
    wait_until(lambda: "route later" in collector.names(), "the span of the new route")
    assert project.ledger == ["ok 1"]


@pytest.mark.parametrize(
    ("env", "error"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "the exporter of spans 'zipkin' is not installed"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, "traces cannot be set up by the variables OTEL_*: ValueError: "),
        (
            {"OTEL_SPAN_EVENT_COUNT_LIMIT": "x"},
            "traces cannot be set up by the variables OTEL_*: ValueError: ",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier\x1b[31mpigeon"}, "OTEL_EXPORTER_OTLP_PROTOCOL is 'carrier"),
    ],
)
def test_a_mistake_in_the_environment_is_one_line(project: Project, env: dict[str, str], error: str) -> None:
    project.routes(OK)
    project.env |= env
    done = project.run("serve", "--drain", "--traces", "link")
    assert done.code == 1, done.err
    assert error in done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err


def test_a_setting_that_opentelemetry_ignores_is_a_warning(project: Project) -> None:
    project.routes(OK)
    project.env |= {"OTEL_TRACES_EXPORTER": "none", "OTEL_TRACES_SAMPLER": "nonsense"}
    done = project.run("serve", "--drain", "--traces", "link")
    assert done.code == 0, done.err
    assert "warning: settings of OpenTelemetry: Couldn't recognize sampler nonsense." in done.err


def test_the_code_of_traces_is_not_imported_without_them(project: Project) -> None:
    project.routes("name: ok, type: t, handler: own.ok")
    project.write(
        "own.py", "import sys\ndef ok(payload):\n    print('streamroute.ops.traces.spans' in sys.modules)\n"
    )
    project.env["OTEL_SDK_DISABLED"] = "true"
    project.feed(EVENT)
    done = project.run("serve", "--feed", "events.jsonl", "--drain", "--traces", "link")
    assert done.out.startswith("False\n"), done.err
