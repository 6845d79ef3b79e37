"""A JSON array with an object for each finding."""

from __future__ import annotations

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.streams import as_json
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding


def render(report: FindingsReport) -> str:
    """Render the array. Lines and columns count from 1, columns in characters; ends are exclusive."""
    return as_json([as_object(found) for found in report.findings]) + "\n"


def as_object(found: Finding) -> dict[str, str | int | None]:
    """Return a finding as an object for JSON."""
    return {
        "code": found.code,
        "rule": ALL_RULES[found.code].name,
        "severity": str(found.severity),
        "message": found.message,
        "suggestion": found.suggestion,
        "help": found.help,
        "fix": found.fix,
        "file": found.file,
        "line": found.span.line,
        "column": found.span.column,
        "end_line": found.span.end_line,
        "end_column": found.span.end_column,
    }
