"""``streamroute diff``."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.arguments.paths import NAME
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.output.logging import echo_error, set_up_logging
from streamroute.cli.output.streams import echo, write_document
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.cli.commands.comparing.sources import EventLines, StreamEntries
    from streamroute.cli.commands.comparing.versions import LoadedVersion
    from streamroute.cli.output.diff.report import DiffReport

    Source = StreamEntries | EventLines

_DEFAULT_LAST = 10_000
_MOST = 100_000_000


@click.command(name="diff")
@click.argument("old", type=PATH)
@click.argument("new", type=PATH, default=NAME)
@click.option("--stream", metavar="NAME", help="The stream whose newest entries are compared.")
@click.option(
    "--last",
    type=click.IntRange(1, _MOST),
    metavar="N",
    help=f"How many entries of the stream (default: {_DEFAULT_LAST:,}).",
)
@click.option(
    "--events", metavar="FILE", type=PATH, help="Compare the events of a JSON lines file instead; - is stdin."
)
@click.option(
    "--fail-on-change",
    "gates",
    metavar="ROUTE",
    multiple=True,
    help="Exit with 1 if this route changes; may be repeated.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
)
@click.option("--import", "imports", is_flag=True, help="Import the project's own codecs to decode entries.")
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server.")
@STATE_DIR
@ALLOW_OUTSIDE
def command(
    old: str,
    new: str,
    stream: str | None,
    last: int | None,
    events: str | None,
    gates: tuple[str, ...],
    output_format: str,
    state_dir: str | None,
    **allowed: bool,
) -> int:
    """Show which events the configuration NEW would handle differently from OLD, without running a handler.

    OLD and NEW are files or folders (NEW: routes.yaml in the working folder), a generation's hash, or git:REV
    or git:REV:PATH for the files at a git revision; PATH is relative to the top of the repository, ./PATH to
    the working folder.

    The events are the newest entries of a stream, read from the Redis server of NEW without a group, or those
    of a file. Each change is shown with examples and the operands that decided.

    \b
    Examples:
      streamroute diff git:main --stream bot_events --last 100000
      streamroute diff old.yaml new.yaml --events events.jsonl \\
        --fail-on-change welcome-vip
      streamroute diff git:origin/main --events events.jsonl \\
        --format markdown > comment.md
    """
    from streamroute.cli.commands.comparing.sources import StreamEntries, open_lines
    from streamroute.cli.commands.comparing.versions import Loading, load_versions

    if events is None and stream is None:
        raise click.UsageError("pass --stream NAME or --events FILE")
    if events is not None and last is not None:
        raise click.UsageError("--events and --last exclude each other")
    set_up_logging("text", "warning")
    with ExitStack() as stack:
        embedded = not allowed["no_embedded"]
        source: Source = (
            StreamEntries(stream or "", last or _DEFAULT_LAST, embedded)
            if events is None
            else open_lines(events, stack)
        )
        loading = Loading(stream, events is None, allowed["imports"], output_format == "text", state_dir)
        report = _compared(*load_versions(old, new, loading), source, stream, gates)
    _print(report, output_format)
    return _verdict(report)


def _compared(
    old: LoadedVersion, new: LoadedVersion, source: Source, stream: str | None, gates: tuple[str, ...]
) -> DiffReport:
    from streamroute.cli.commands.comparing.gates import check_gates, failed
    from streamroute.cli.output.diff.report import DiffReport
    from streamroute.ops.diff.comparison import ConfigComparison
    from streamroute.ops.diff.examples import Examples
    from streamroute.payload_redaction import PayloadRedactor

    redactor = PayloadRedactor({*old.compiled.document.redact, *new.compiled.document.redact})
    comparison = ConfigComparison(old.compiled, new.compiled, stream, Examples(redactor=redactor))
    check_gates(gates, comparison.result().routes, stream)
    described = asyncio.run(source.add_to(comparison, new.compiled.document))
    diff = comparison.result()
    return DiffReport(old.name, new.name, described, diff, failed(gates, diff.routes))


def _verdict(report: DiffReport) -> int:
    from streamroute.cli.output.diff.report import joined

    if not report.gated:
        return ExitCode.OK
    echo_error(f"{joined(report.gated)} must not change (--fail-on-change)")
    return ExitCode.FOUND


def _print(report: DiffReport, output_format: str) -> None:
    if output_format == "json":
        from streamroute.cli.output.diff import as_json

        write_document(as_json.render(report))
    elif output_format == "markdown":
        from streamroute.cli.output.diff import as_markdown

        echo(as_markdown.render(report), nl=False)
    else:
        import sys

        from streamroute.cli.output.diff import as_text
        from streamroute.cli.output.layout import OutputLayout

        echo(as_text.render(report, OutputLayout.of(sys.stdout)), nl=False)
