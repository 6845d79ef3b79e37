"""One line a finding, its suggestion included."""

from __future__ import annotations

from streamroute.cli.findings import Report, printable


def render(report: Report) -> str:
    """Lines such as ``routes.yaml:12:5: error[SR102]: unexpected key ...``."""
    return "".join(f"{printable(str(found))}\n" for found in report.findings)
