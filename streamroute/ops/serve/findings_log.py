"""Log the findings of a configuration that runs: its warnings and infos."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from streamroute.config.findings.finding import Finding, Severity
from streamroute.logs.coalescing import NEVER_COALESCED

log = logging.getLogger(__name__)

_MAX_LINES: Final = 100


def log_findings(findings: Sequence[Finding]) -> None:
    """Log the first hundred findings, each in one line, and how many are left out."""
    for finding in findings[:_MAX_LINES]:
        level = logging.WARNING if finding.severity is Severity.WARNING else logging.INFO
        log.log(level, "%s", finding, extra=NEVER_COALESCED)
    left_out = len(findings) - _MAX_LINES
    if left_out > 0:
        log.warning("and %s more: streamroute check shows them", f"{left_out:,}")


def new_findings(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Return the findings that were not there before, at whatever line."""
    known = {_without_place(finding) for finding in before}
    return [finding for finding in after if _without_place(finding) not in known]


def _without_place(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.file, finding.text
