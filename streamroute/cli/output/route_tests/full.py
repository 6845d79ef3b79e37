"""The default format: each failed test with its differences and their reasons, then missing coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamroute.cli.output.findings import summary
from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.route_location import place_of
from streamroute.cli.output.route_tests.result import RouteTestRun
from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import hang
from streamroute.ops.route_tests.coverage import Coverage, Goal
from streamroute.ops.route_tests.runner import Difference, Outcome
from streamroute.text.counted import pluralize


def render(runs: Sequence[RouteTestRun], layout: OutputLayout = PLAIN) -> str:
    """Render the report as text."""
    return "".join(f"{line}\n" for run in runs for line in _run(run, layout))


def _run(run: RouteTestRun, layout: OutputLayout) -> Iterator[str]:
    if run.findings:
        yield render_full(run.findings, run.sources, color=layout.color, columns=layout.width)
    for outcome in run.outcomes:
        if not outcome.passed:
            yield from (hang(line, layout.width, 4) for line in failed(outcome, layout))
            yield ""
    lines = *_coverage(run.coverage, str(run.root), layout), f"{_counts(run, layout)} in {run.root}"
    yield from (hang(line, layout.width, 4) for line in lines)


def failed(outcome: Outcome, layout: OutputLayout = PLAIN) -> Iterator[str]:
    """Yield the lines about a failed test: its place and name, and each difference with its reasons."""
    location = f"{outcome.test.location.source.path}:{line_of_test(outcome)}"
    verdict = layout.painted("failed", "red")
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


def _coverage(coverage: Coverage, root: str, layout: OutputLayout) -> Iterator[str]:
    percent = layout.painted(f"{coverage.percent:.1f}%", "yellow" if coverage.missed else "green")
    yield f"coverage of {printable(root)}: {percent} ({coverage.covered} of {len(coverage.goals)})"
    for goal in coverage.missed:
        yield f"  {printable(_missed(goal))}"


def _missed(goal: Goal) -> str:
    return f"{place_of(goal.route)}: {goal.route.name}: {goal.missed}"


def _counts(run: RouteTestRun, layout: OutputLayout) -> str:
    failed = sum(not outcome.passed for outcome in run.outcomes)
    passed = len(run.outcomes) - failed
    counts = ", ".join(
        layout.painted(f"{number} {word}", color if number else None)
        for number, word, color in ((passed, "passed", "green"), (failed, "failed", "red"))
    )
    counts = f"{pluralize(len(run.outcomes), 'test')}: {counts}"
    return f"{counts}, {summary(run.findings)}" if run.findings else counts
