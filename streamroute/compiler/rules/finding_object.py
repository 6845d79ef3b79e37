"""A finding as an object for JSON."""

from __future__ import annotations

from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding


def finding_object(finding: Finding) -> dict[str, str | int | None]:
    """Return a finding as ``check --format json`` prints it."""
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
