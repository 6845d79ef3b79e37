"""``streamroute check``."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH, outside_allowed
from streamroute.cli.output.formats import FORMATS
from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.time_limit import SECONDS

_PASSES: Final = 5
"""Maximum passes of ``--fix``: a syntax error hides other findings."""

if TYPE_CHECKING:
    from streamroute.cli.commands.checking.run import CheckOptions


@click.command(name="check")
@click.argument("paths", nargs=-1, type=PATH)
@ALLOW_OUTSIDE
@click.option("--env", "needs_env", is_flag=True, help="Report unset environment variables as errors.")
@click.option("--no-import", is_flag=True, help="Read the source of handlers instead of importing them.")
@click.option(
    "--select", multiple=True, metavar="CODES", help="Report only these rules: SR301, or SR3 for all SR3xx."
)
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not report these rules.")
@click.option("--fix", is_flag=True, help="Apply safe fixes and show the diff.")
@click.option("--diff", is_flag=True, help="Show the diff of --fix without applying it.")
@click.option("--watch", is_flag=True, help="Check again after every change, until Ctrl-C.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    default=SECONDS,
    show_default=True,
    help="Stop a check that takes longer.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(list(FORMATS)),
    default="full",
    show_default=True,
    help="Output format.",
)
def command(
    paths: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str,
    time_limit: float,
    **flags: bool,
) -> int:
    """Validate PATHS, or routes.yaml in the working folder.

    All problems are reported at once, each with its location. For an included file, the configuration that
    includes it is checked. Handlers are imported to verify that they exist and accept their arguments; with
    --no-import, their source is read instead. Redis is not needed.

    \b
    Show a rule, with a wrong and a right example:
      streamroute rule SR301
    Suppress a warning by a comment on its line, or above the entry:
      # streamroute: ignore[SR307] why
    """
    if flags["fix"] + flags["diff"] + flags["watch"] > 1:
        raise click.UsageError("--fix, --diff and --watch cannot be combined")
    if not flags["watch"]:
        gc.disable()  # this process ends soon, so collections only cost time
        click.get_current_context().call_on_close(gc.enable)  # in tests the process continues
    from streamroute.cli.commands.checking.rule_selection import Selection, read_codes
    from streamroute.cli.commands.checking.run import CheckOptions

    selection = Selection(read_codes(select), read_codes(ignore))
    options = CheckOptions(
        paths,
        unset="error" if flags["needs_env"] else "info",
        imports=not flags["no_import"],
        selection=selection,
        outside=outside_allowed(),
    )
    if flags["watch"]:
        return _watch(options, output_format)
    if flags["fix"] or flags["diff"]:
        return _fix(options, output_format, time_limit, write=flags["fix"])
    from streamroute.cli.commands.checking.report import check_and_report

    return check_and_report(options, output_format, time_limit)


def _fix(options: CheckOptions, output_format: str, seconds: float, *, write: bool) -> int:
    from streamroute.cli.commands.checking.fix import fixes_of, show, write_all
    from streamroute.cli.commands.checking.report import check_and_render, write_report

    checked, text = check_and_render(options, output_format, seconds)
    fixes = fixes_of(checked.report, checked.roots)
    if not write:
        echo(show(fixes), nl=False)
        return ExitCode.FOUND if fixes else ExitCode.OK
    for _ in range(_PASSES):
        echo(show(fixes), nl=False, err=True)
        write_all(fixes, checked.roots)
        checked, text = check_and_render(options, output_format, seconds)
        fixes = fixes_of(checked.report, checked.roots)
        if not fixes:
            break
    return write_report(checked, text, output_format)


def _watch(options: CheckOptions, output_format: str) -> int:
    from streamroute.cli.commands.checking.watch import watch

    watch(options, output_format)
    return ExitCode.OK
