"""The report of a check: its findings, their summary, and the limit of those shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.text_file import TextFile


class FindingsReport(NamedTuple):
    """The result of a check, which every format renders.

    ``findings`` are sorted by location; ``sources`` has the files that were read, by their paths in findings.
    """

    findings: Sequence[Finding]
    sources: Mapping[str, TextFile]


def summary(findings: Sequence[Finding]) -> str:
    """Return a summary such as ``2 errors, 1 warning``; empty without findings."""
    counts = Counter(finding.severity for finding in findings)
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}
    return ", ".join(
        f"{counts[severity]} {name}{'' if counts[severity] == 1 or severity is Severity.INFO else 's'}"
        for severity, name in names.items()
        if counts[severity]
    )


MAX_FINDINGS: Final = 1_000
"""Maximum number of findings that are shown: some files cause millions."""


def truncate_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings to show: the first ones, and a last one with the number of those omitted."""
    if len(findings) <= MAX_FINDINGS:
        return list(findings)
    first = findings[MAX_FINDINGS]
    message = f"{len(findings) - MAX_FINDINGS:,} more findings are not shown"
    omitted = Finding(
        "SR025", Severity.INFO, message, first.file, first.span, "mend those above, and check again"
    )
    return [*findings[:MAX_FINDINGS], omitted]


def is_clean(findings: Sequence[Finding]) -> bool:
    """Whether no finding is worse than info."""
    return all(finding.severity is Severity.INFO for finding in findings)
