"""The findings of a running configuration in the log."""

from __future__ import annotations

import pytest

from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.ops.serve.findings_log import log_findings, new_findings


def warning(message: str, line: int = 1) -> Finding:
    return Finding("SR203", Severity.WARNING, message, "routes.yaml", Span(line, 1, line, 2))


def test_each_finding_is_a_line_of_its_severity(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log_findings([warning("odd"), warning("unset")._replace(severity=Severity.INFO)])
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "routes.yaml:1:1: warning[SR203]: odd"),
        ("INFO", "routes.yaml:1:1: info[SR203]: unset"),
    ]


def test_thousands_of_findings_are_a_hundred_lines_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    log_findings([warning(f"odd {n}") for n in range(2_000)])
    assert len(caplog.messages) == 101
    assert caplog.messages[-1] == "and 1,900 more: streamroute check shows them"


def test_findings_that_moved_are_not_new() -> None:
    before = [warning("odd", line=3)]
    assert new_findings(before, [warning("odd", line=9), warning("odder")]) == [warning("odder")]
