"""An exporter that fails is said once; spans are lost, and nothing else happens."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from streamroute.ops.traces.exporting import ReportingExporter, export_problems

SPANS = [ReadableSpan("a"), ReadableSpan("b")]
LOST = "spans cannot be exported and are lost, until it works again: "
SDK = logging.getLogger("opentelemetry.exporter.otlp.proto.http")


class Scripted(SpanExporter):
    """Answers as told: True is success, a text is logged before a failure, an exception is raised."""

    def __init__(self, *answers: bool | str | Exception) -> None:
        self.answers = list(answers)
        self.closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            SDK.error("failed: %s", answer)
        return SpanExportResult.SUCCESS if answer is True else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.closed = True


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


def test_a_failure_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers = (
        True,
        "503 at http://me:secret@collector\nnow",
        "504",
        OSError("x"),
        True,
        True,
        RuntimeError("y"),
    )
    with export_problems() as problems:
        exporter = ReportingExporter(Scripted(*answers), problems)
        results = [exporter.export(SPANS) for _ in answers]
    assert [result is SpanExportResult.SUCCESS for result in results] == [
        True,
        False,
        False,
        False,
        True,
        True,
        False,
    ]
    assert lines(caplog) == [
        f"{LOST}failed: 503 at http://me:***@collector\\nnow",
        "spans are exported again; 6 spans lost",
        f"{LOST}RuntimeError: y",
    ]


def test_a_failure_without_a_reason_is_said_as_such(caplog: pytest.LogCaptureFixture) -> None:
    with export_problems() as problems:
        assert ReportingExporter(Scripted(False), problems).export(SPANS) is SpanExportResult.FAILURE
    (line,) = lines(caplog)
    assert line.endswith("the exporter gives no reason")


def test_spans_that_are_dropped_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with export_problems():
        for _ in range(3):
            logging.getLogger("opentelemetry.sdk._shared_internal").warning(
                "Queue full, dropping %s.", "Span"
            )
            logging.getLogger("opentelemetry.sdk.other").warning("%d", "no number")
    assert lines(caplog) == ["spans are lost: they are exported more slowly than they end (logged once)"]


def test_the_loggers_are_left_as_they_were(caplog: pytest.LogCaptureFixture) -> None:
    with export_problems():
        pass
    SDK.error("of somebody else")
    assert lines(caplog) == ["of somebody else"]


def test_an_exporter_is_closed() -> None:
    scripted = Scripted()
    with export_problems() as problems:
        exporter = ReportingExporter(scripted, problems)
        assert not exporter.force_flush(), "the exporter of the test has nothing to flush"
        exporter.shutdown()
    assert scripted.closed
