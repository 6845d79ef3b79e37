"""``streamroute test``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.output.streams import echo, write_document
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.cli.output.route_tests.result import RouteTestRun


@click.command(name="test")
@click.argument("paths", nargs=-1, type=PATH)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail if the coverage is below PERCENT.",
)
@click.option(
    "--init",
    "events",
    metavar="EVENTS",
    type=PATH,
    help="Write a test file for the events of this JSON lines file.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["full", "json", "junit"]),
    default="full",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--redis", is_flag=True, help="Connect to Redis, for tests whose message is an entry in a stream."
)
@click.option(
    "--import", "imports", is_flag=True, help="Import the project's own codecs to decode such entries."
)
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server with --redis.")
@ALLOW_OUTSIDE
def command(
    paths: tuple[str, ...], fail_under: float | None, events: str | None, output_format: str, **allowed: bool
) -> int:
    """Run the route tests: NAME.test.yaml beside the routes.yaml of PATHS or of the working folder.

    Each test is a message and the exact set of routes that should match it. No handler runs, no code of the
    project is imported, and no server is needed. Only a test whose message is an entry in a stream needs
    --redis, and --import if the stream has a codec of the project. Coverage is the share of routes that both
    matched and did not match, and of filter operands that were both true and false.

    \b
    Examples:
      streamroute test --init events.jsonl
      streamroute test --fail-under 90 --format junit > report.xml
    """
    if events is not None:
        from streamroute.cli.commands.testing.init import write_first

        return write_first(paths, events)
    from streamroute.cli.commands.testing.run import EntryAccess, run, select_tests
    from streamroute.cli.process.time_limit import SECONDS, time_limit

    for_people = output_format == "full"
    reading = EntryAccess(allowed["redis"], allowed["imports"], not allowed["no_embedded"])
    selections = select_tests(paths)
    with time_limit(SECONDS, selections[0].root, "full" if for_people else None):
        runs = [run(selection, reading, for_people=for_people) for selection in selections]
        text = _rendered(runs, output_format)
    if not any(run.outcomes or run.findings for run in runs):
        raise click.UsageError(
            f"no .test.yaml file beside {runs[0].root}; create one: streamroute test --init EVENTS"
        )
    if for_people:
        echo(text, nl=False)
    else:
        write_document(text)
    return _verdict(runs, fail_under)


def _rendered(runs: Sequence[RouteTestRun], output_format: str) -> str:
    if output_format == "json":
        from streamroute.cli.output.route_tests import as_json

        return as_json.render(runs)
    if output_format == "junit":
        from streamroute.cli.output.route_tests import as_junit

        return as_junit.render(runs)
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.route_tests.full import render

    return render(runs, OutputLayout.of(sys.stdout))


def _verdict(runs: Sequence[RouteTestRun], fail_under: float | None) -> int:
    from streamroute.cli.output.findings import is_clean
    from streamroute.cli.output.logging import echo_error

    low = [run for run in runs if fail_under is not None and run.coverage.percent < fail_under]
    for run in low:
        echo_error(f"{run.root} has a coverage of {run.coverage.percent:.1f}%, below {fail_under:g}%")
    passed = all(outcome.passed for run in runs for outcome in run.outcomes)
    findings_are_clean = all(is_clean(run.findings) for run in runs)
    return ExitCode.OK if passed and findings_are_clean and not low else ExitCode.FOUND
