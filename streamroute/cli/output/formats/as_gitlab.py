"""A Code Quality report, which GitLab shows in a merge request.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from typing import Any, Final

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.locations import fingerprinted, relative_path
from streamroute.cli.output.streams import printable
from streamroute.config.findings.finding import Finding, Severity
from streamroute.text.json_text import as_json

_SEVERITIES: Final = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: FindingsReport) -> str:
    """Render a JSON array with an object for each finding."""
    return as_json([_issue(finding, name) for finding, name in fingerprinted(report)]) + "\n"


def _issue(finding: Finding, fingerprint: str) -> dict[str, Any]:
    return {
        "description": printable(f"{finding.code}: {finding.text}"),
        "check_name": finding.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": relative_path(finding.file),
            "lines": {"begin": finding.span.line, "end": finding.span.end_line},
        },
    }
