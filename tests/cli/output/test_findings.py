"""Summaries of findings: counted and sorted."""

from __future__ import annotations

from streamroute.cli.output.findings import is_clean, summary
from streamroute.config.findings.finding import Finding, Severity, Span, merge_findings, sort_findings


def finding(line: int, start: int = 1, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("SR102", severity, "wrong", "routes.yaml", Span(line, start, line, start + 1))


def test_the_summary_counts() -> None:
    kinds = [Severity.ERROR, Severity.WARNING, Severity.WARNING, Severity.INFO]
    assert summary([finding(1, severity=kind) for kind in kinds]) == "1 error, 2 warnings, 1 info"
    assert summary([]) == ""


def test_only_info_is_clean() -> None:
    assert is_clean([])
    assert is_clean([finding(1, severity=Severity.INFO)])
    assert not is_clean([finding(1, severity=Severity.WARNING)])


def test_findings_are_sorted_by_position_without_duplicates() -> None:
    one, two, three = finding(2), finding(10), finding(2, 5)
    assert sort_findings([two, three, one, two]) == [one, three, two]
    assert merge_findings([[one, two], [one, three], []]) == [one, three, two]
