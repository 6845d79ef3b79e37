"""A JSON array with an object for each finding."""

from __future__ import annotations

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.streams import as_json
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding


def render(report: FindingsReport) -> str:
    """Render the array. Lines and columns count from 1, columns in characters; ends are exclusive."""
    return as_json([as_object(finding) for finding in report.findings]) + "\n"


def as_object(finding: Finding) -> dict[str, str | int | None]:
    """Return a finding as an object for JSON."""
    return {
        "code": finding.code,
        "rule": ALL_RULES[finding.code].name,
        "severity": str(finding.severity),
        "message": finding.message,
        "suggestion": finding.suggestion,
        "help": finding.help,
        "fix": finding.fix,
        "file": finding.file,
        "line": finding.span.line,
        "column": finding.span.column,
        "end_line": finding.span.end_line,
        "end_column": finding.span.end_column,
    }
