"""JUnit XML: a suite for each file, a case for each finding, and a passing case without findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.formats.junit_xml import Case, Suite, junit_xml
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.text_file import TextFile


def render(report: FindingsReport) -> str:
    """Render the report; errors and warnings are failures, an info passes and is shown in the output."""
    cases: dict[str, list[Case]] = {file: [] for file in report.sources}
    for finding in report.findings:
        cases.setdefault(finding.file, []).append(finding_case(finding, report.sources, "failure"))
    return junit_xml([Suite(file, of_file or [Case("check", file)]) for file, of_file in cases.items()])


def finding_case(
    finding: Finding, sources: Mapping[str, TextFile], outcome: Literal["failure", "error"]
) -> Case:
    """Return the case of a finding, with this outcome unless it is an info."""
    name = f"{finding.code}:{finding.span.line}:{finding.span.column}"
    text = render_full([finding], sources)
    if finding.severity is Severity.INFO:
        return Case(name, finding.file, text=text)
    return Case(name, finding.file, outcome, finding.text, str(finding.severity), text)
