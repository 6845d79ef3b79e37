"""JUnit XML: a suite for each test file, a case for each test; a finding is an error of its file."""

from __future__ import annotations

from collections.abc import Sequence

from streamroute.cli.output.formats.as_junit import finding_case
from streamroute.cli.output.formats.junit_xml import Case, Suite, junit_xml
from streamroute.cli.output.route_tests.full import explained
from streamroute.cli.output.route_tests.result import RouteTestRun
from streamroute.ops.route_tests.runner import Outcome


def render(runs: Sequence[RouteTestRun]) -> str:
    """Render the report as XML."""
    return junit_xml([suite for run in runs for suite in _suites(run)])


def _suites(run: RouteTestRun) -> list[Suite]:
    cases: dict[str, list[Case]] = {}
    for finding in run.findings:
        cases.setdefault(finding.file, []).append(finding_case(finding, run.sources, "error"))
    for outcome in run.outcomes:
        cases.setdefault(outcome.test.location.source.path, []).append(_case(outcome))
    return [Suite(file, of_file) for file, of_file in sorted(cases.items())]


def _case(outcome: Outcome) -> Case:
    name, file = outcome.test.name, outcome.test.location.source.path
    if outcome.unavailable:
        return Case(name, file, "error", outcome.unavailable, "message", outcome.unavailable)
    if outcome.passed:
        return Case(name, file)
    lines = [line for difference in outcome.differences for line in explained(difference)]
    return Case(name, file, "failure", outcome.differences[0].message, "difference", "\n".join(lines))
