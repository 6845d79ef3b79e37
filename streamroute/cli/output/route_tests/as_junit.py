"""JUnit XML: a suite for each test file, a case for each test; a finding is an error of its file."""

from __future__ import annotations

from collections.abc import Sequence

from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.formats.junit_xml import Case, Suite, junit_xml
from streamroute.cli.output.route_tests.full import explained
from streamroute.cli.output.route_tests.result import RouteTestRun
from streamroute.config.findings.finding import Finding, Severity
from streamroute.ops.route_tests.runner import Outcome


def render(runs: Sequence[RouteTestRun]) -> str:
    """Render the report as XML."""
    return junit_xml([suite for run in runs for suite in _suites(run)])


def _suites(run: RouteTestRun) -> list[Suite]:
    cases: dict[str, list[Case]] = {}
    for finding in run.findings:
        cases.setdefault(finding.file, []).append(_finding(finding, run))
    for outcome in run.outcomes:
        cases.setdefault(outcome.test.location.source.path, []).append(_case(outcome))
    return [Suite(file, finding) for file, finding in sorted(cases.items())]


def _case(outcome: Outcome) -> Case:
    name, file = outcome.test.name, outcome.test.location.source.path
    if outcome.unavailable:
        return Case(name, file, "error", outcome.unavailable, "message", outcome.unavailable)
    if outcome.passed:
        return Case(name, file)
    lines = [line for difference in outcome.differences for line in explained(difference)]
    return Case(name, file, "failure", outcome.differences[0].message, "difference", "\n".join(lines))


def _finding(finding: Finding, run: RouteTestRun) -> Case:
    name = f"{finding.code}:{finding.span.line}:{finding.span.column}"
    text = render_full([finding], run.sources)
    if finding.severity is Severity.INFO:
        return Case(name, finding.file, text=text)
    return Case(name, finding.file, "error", finding.text, str(finding.severity), text)
