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
    for found in run.findings:
        cases.setdefault(found.file, []).append(_finding(found, run))
    for outcome in run.outcomes:
        cases.setdefault(outcome.test.location.source.path, []).append(_case(outcome))
    return [Suite(file, found) for file, found in sorted(cases.items())]


def _case(outcome: Outcome) -> Case:
    name, file = outcome.test.name, outcome.test.location.source.path
    if outcome.trouble:
        return Case(name, file, "error", outcome.trouble, "message", outcome.trouble)
    if outcome.passed:
        return Case(name, file)
    lines = [line for difference in outcome.differences for line in explained(difference)]
    return Case(name, file, "failure", outcome.differences[0].message, "difference", "\n".join(lines))


def _finding(found: Finding, run: RouteTestRun) -> Case:
    name = f"{found.code}:{found.span.line}:{found.span.column}"
    text = render_full([found], run.sources)
    if found.severity is Severity.INFO:
        return Case(name, found.file, text=text)
    return Case(name, found.file, "error", found.text, str(found.severity), text)
