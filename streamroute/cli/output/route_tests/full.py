"""The default format: each failed test with its differences and their reasons, then missing coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from streamroute.cli.output.findings import summary
from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.route_location import place_of
from streamroute.cli.output.route_tests.result import RouteTestRun
from streamroute.cli.output.streams import printable
from streamroute.ops.route_tests.coverage import Coverage, Goal
from streamroute.ops.route_tests.runner import Difference, Outcome
from streamroute.text.counted import pluralize


def render(runs: Sequence[RouteTestRun], *, color: bool = False) -> str:
    """Render the report as text."""
    return "".join(f"{line}\n" for run in runs for line in _run(run, color=color))


def _run(run: RouteTestRun, *, color: bool) -> Iterator[str]:
    if run.findings:
        yield render_full(run.findings, run.sources, color=color)
    for outcome in run.outcomes:
        if not outcome.passed:
            yield from failed(outcome, color=color)
            yield ""
    yield from _coverage(run.coverage, str(run.root))
    yield f"{_counts(run)} in {run.root}"


def failed(outcome: Outcome, *, color: bool = False) -> Iterator[str]:
    """Yield the lines about a failed test: its place and name, and each difference with its reasons."""
    location = f"{outcome.test.location.source.path}:{line_of_test(outcome)}"
    verdict = click.style("failed", fg="red", bold=True) if color else "failed"
    yield f"{printable(location)}: {verdict}: {printable(outcome.test.name)}"
    if outcome.unavailable:
        yield f"  {printable(outcome.unavailable)}"
    for difference in outcome.differences:
        yield from (f"  {printable(line)}" for line in explained(difference))


def explained(difference: Difference) -> Iterator[str]:
    """Yield the lines that explain a difference: its text, the reason, and the route's location."""
    yield difference.message
    yield from (f"  {reason}" for reason in difference.reasons)
    if difference.route is not None:
        yield f"  the route is in {place_of(difference.route)}"


def line_of_test(outcome: Outcome) -> int:
    """Return the line of a test's name, from 1."""
    location = outcome.test.location
    return location.source.span((*location.path, "name")).line


def _coverage(coverage: Coverage, root: str) -> Iterator[str]:
    yield f"coverage of {root}: {coverage.percent:.1f}% ({coverage.covered} of {len(coverage.goals)})"
    for goal in coverage.missed:
        yield f"  {printable(_missed(goal))}"


def _missed(goal: Goal) -> str:
    return f"{place_of(goal.route)}: {goal.route.name}: {goal.missed}"


def _counts(run: RouteTestRun) -> str:
    failed = sum(not outcome.passed for outcome in run.outcomes)
    passed = len(run.outcomes) - failed
    counts = f"{pluralize(len(run.outcomes), 'test')}: {passed} passed, {failed} failed"
    return f"{counts}, {summary(run.findings)}" if run.findings else counts
