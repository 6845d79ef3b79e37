"""Findings in words: how many there are, and how many are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.text_file import TextFile


class FindingsReport(NamedTuple):
    """What came of a check: the one result that every format shows in its way.

    ``findings`` are sorted by place; ``sources`` are the files that were read, by the paths that findings
    name.
    """

    findings: Sequence[Finding]
    sources: Mapping[str, TextFile]


def summary(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``; empty where there is nothing to count."""
    counts = Counter(found.severity for found in findings)
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}
    return ", ".join(
        f"{counts[severity]} {name}{'' if counts[severity] == 1 or severity is Severity.INFO else 's'}"
        for severity, name in names.items()
        if counts[severity]
    )


MAX_FINDINGS: Final = 1_000
"""Findings that are shown: nobody reads more, and some files ask for millions."""


def truncate_findings(findings: Sequence[Finding]) -> list[Finding]:
    """The findings as they are shown: the first of many, and a last one that says how many more there are."""
    if len(findings) <= MAX_FINDINGS:
        return list(findings)
    first = findings[MAX_FINDINGS]
    message = f"{len(findings) - MAX_FINDINGS:,} more findings are not shown"
    told = Finding(
        "SR025", Severity.INFO, message, first.file, first.span, "mend those above, and check again"
    )
    return [*findings[:MAX_FINDINGS], told]


def is_clean(findings: Sequence[Finding]) -> bool:
    """Whether nothing is worse than info."""
    return all(found.severity is Severity.INFO for found in findings)
