"""A JSON array with an object for each finding."""

from __future__ import annotations

from streamroute.cli.output.findings import FindingsReport
from streamroute.compiler.rules.finding_object import finding_object
from streamroute.text.json_text import as_json


def render(report: FindingsReport) -> str:
    """Render the array. Lines and columns count from 1, columns in characters; ends are exclusive."""
    return as_json([finding_object(finding) for finding in report.findings]) + "\n"
