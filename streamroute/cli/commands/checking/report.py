"""Check within the time limit, and write the findings."""

from __future__ import annotations

import sys

from streamroute.cli.commands.checking.run import CheckOptions, CheckRun, check
from streamroute.cli.output.findings import is_clean, summary, truncate_findings
from streamroute.cli.output.formats.rendering import render, write_rendered
from streamroute.cli.output.streams import echo
from streamroute.cli.output.terminal import terminal_width, wants_color
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.time_limit import time_limit


def check_and_report(options: CheckOptions, output_format: str, seconds: float) -> int:
    """Check, and print the findings; returns FOUND if one is worse than info."""
    return write_report(*check_and_render(options, output_format, seconds), output_format)


def check_and_render(options: CheckOptions, output_format: str, seconds: float) -> tuple[CheckRun, str]:
    """Check within the time limit; returns the result and its rendered text."""
    with time_limit(seconds, options.paths[0] if options.paths else "routes.yaml", output_format):
        checked = check(options)
        report = checked.report._replace(findings=truncate_findings(checked.report.findings))
        return checked, render(
            report, output_format, color=wants_color(sys.stdout), columns=terminal_width(sys.stdout)
        )


def write_report(checked: CheckRun, text: str, output_format: str) -> int:
    """Print the rendered findings; returns FOUND if one is worse than info."""
    findings = checked.report.findings
    write_rendered(text, output_format)
    roots = ", ".join(map(str, checked.roots))
    conclusion = f"{summary(findings)} in {roots}" if findings else f"{roots}: no problems found"
    echo(conclusion + _left_out(checked.left_out), err=True)
    return ExitCode.OK if is_clean(findings) else ExitCode.FOUND


def _left_out(number: int) -> str:
    """Return a note on findings that were not selected: they may still keep ``serve`` from starting."""
    if not number:
        return ""
    return f" ({number} finding{'s' if number > 1 else ''} hidden by --select and --ignore)"
