"""Workflow commands, which GitHub shows as annotations of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from typing import Final

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.locations import relative_path
from streamroute.cli.output.streams import printable, sanitize
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding, Severity

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: FindingsReport) -> str:
    """Render one command per line."""
    return "".join(f"{_command(finding)}\n" for finding in report.findings)


def _command(finding: Finding) -> str:
    span = finding.span
    properties = {
        "title": f"{finding.code} {ALL_RULES[finding.code].name}",
        "file": printable(relative_path(finding.file)),
    }
    properties |= {"line": str(span.line), "endLine": str(span.end_line)}
    if span.line == span.end_line:
        # GitHub refuses columns of different lines.
        properties |= {"col": str(span.column), "endColumn": str(span.end_column)}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = printable(finding.text) + (f"\n{printable(finding.help)}" if finding.help else "")
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return sanitize(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
