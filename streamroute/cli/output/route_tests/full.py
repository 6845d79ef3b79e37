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
            yield from _failed(outcome, color=color)
            yield ""
    yield from _coverage(run.coverage, str(run.root))
    yield f"{_counts(run)} in {run.root}"


def _failed(outcome: Outcome, *, color: bool) -> Iterator[str]:
    place = f"{outcome.test.location.source.path}:{line_of_test(outcome)}"
    word = click.style("failed", fg="red", bold=True) if color else "failed"
    yield f"{printable(place)}: {word}: {printable(outcome.test.name)}"
    if outcome.trouble:
        yield f"  {printable(outcome.trouble)}"
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
    place = outcome.test.location
    return place.source.span((*place.path, "name")).line


def _coverage(seen: Coverage, root: str) -> Iterator[str]:
    yield f"coverage of {root}: {seen.percent:.1f}% ({seen.covered} of {len(seen.goals)})"
    for goal in seen.missed:
        yield f"  {printable(_missed(goal))}"


def _missed(goal: Goal) -> str:
    return f"{place_of(goal.route)}: {goal.route.name}: {goal.missed}"


def _counts(run: RouteTestRun) -> str:
    failed = sum(not outcome.passed for outcome in run.outcomes)
    passed = len(run.outcomes) - failed
    counts = f"{pluralize(len(run.outcomes), 'test')}: {passed} passed, {failed} failed"
    return f"{counts}, {summary(run.findings)}" if run.findings else counts
