"""One line per finding, including its suggestion and help."""

from __future__ import annotations

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.streams import printable
from streamroute.config.findings.finding import Finding


def render(report: FindingsReport) -> str:
    """Render lines such as ``routes.yaml:12:5: error[SR104]: "lease" must ...; help: write a unit: 60s``."""
    return "".join(f"{printable(_line(finding))}\n" for finding in report.findings)


def _line(finding: Finding) -> str:
    return f"{finding}; help: {' '.join(finding.help.split())}" if finding.help else str(finding)
