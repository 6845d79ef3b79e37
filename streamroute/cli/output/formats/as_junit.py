"""JUnit XML: a suite for each file, a case for each finding, and a passing case without findings."""

from __future__ import annotations

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.formats.junit_xml import Case, Suite, junit_xml
from streamroute.config.findings.finding import Finding, Severity


def render(report: FindingsReport) -> str:
    """Render the report; errors and warnings are failures, an info passes and is shown in the output."""
    cases: dict[str, list[Case]] = {file: [] for file in report.sources}
    for found in report.findings:
        cases.setdefault(found.file, []).append(_case(report, found))
    return junit_xml([Suite(file, of_file or [Case("check", file)]) for file, of_file in cases.items()])


def _case(report: FindingsReport, found: Finding) -> Case:
    name = f"{found.code}:{found.span.line}:{found.span.column}"
    text = render_full([found], report.sources)
    if found.severity is Severity.INFO:
        return Case(name, found.file, text=text)
    return Case(name, found.file, "failure", found.text, str(found.severity), text)
