"""Exports spans, and says once that they cannot be exported: their loss concerns no message."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.logs.exception_text import error_line
from streamroute.text.counted import pluralize
from streamroute.text.limits import NAME
from streamroute.text.safe_text import one_line, redacted_str
from streamroute.text.truncation import clip

log = logging.getLogger(__name__)

_LOGGERS: Final = ("opentelemetry.sdk", "opentelemetry.exporter")
_QUEUE_FULL: Final = "Queue full"


class ReportingExporter(SpanExporter):
    """Passes spans to an exporter; logs when it begins to fail, and when it works again.

    Called in the thread of the span processor.
    """

    def __init__(self, exporter: SpanExporter, problems: ExportProblems) -> None:
        self._exporter = exporter
        self._problems = problems
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans; never raises."""
        try:
            result = self._exporter.export(spans)
            reason = "" if result is SpanExportResult.SUCCESS else self._problems.latest
        except Exception as error:  # noqa: BLE001 - any exporter: what it raises must not be logged for each batch
            result, reason = SpanExportResult.FAILURE, error_line(error)
        if result is SpanExportResult.SUCCESS:
            self._report_success()
        else:
            self._report_failure(len(spans), reason)
        return result

    def shutdown(self) -> None:
        """Close the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)

    def _report_failure(self, count: int, reason: str) -> None:
        if not self._lost:
            text = "spans cannot be exported and are lost, until it works again: %s"
            log.warning(text, reason or "the exporter gives no reason", extra=NEVER_COALESCED)
        self._lost += count

    def _report_success(self) -> None:
        if self._lost:
            text = "spans are exported again; %s lost"
            log.info(text, pluralize(self._lost, "span"), extra=NEVER_COALESCED)
        self._lost = 0


class ExportProblems(logging.Handler):
    """Receives the log records of the SDK and its exporters: they log each failed attempt.

    ``latest`` is the text of the last one: the reason of a failed export.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.latest = ""
        self._has_warned = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of a record; say once that spans are dropped because the exporter is too slow."""
        if str(record.msg).startswith(_QUEUE_FULL):
            self._warn_about_speed()
            return
        try:
            text = redacted_str(record.getMessage())
        except Exception as error:  # noqa: BLE001 - the record of another package
            text = error_line(error)
        self.latest = clip(one_line(text), 2 * NAME)
        log.debug("%s", self.latest)

    def _warn_about_speed(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            text = "spans are lost: they are exported more slowly than they end (logged once)"
            log.warning(text, extra=NEVER_COALESCED)


@contextmanager
def export_problems() -> Iterator[ExportProblems]:
    """Receive the records of the SDK's loggers inside the block, instead of the log."""
    problems = ExportProblems()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(problems)
        logger.propagate = False
    try:
        yield problems
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(problems)
            logger.propagate = propagate
