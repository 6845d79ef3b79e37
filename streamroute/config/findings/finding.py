"""Findings: problems in a configuration, with their location."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from heapq import merge
from typing import NamedTuple


class Severity(StrEnum):
    """The severity of a finding.

    ``error``: the configuration cannot be built or is certainly wrong; ``warning``: it is probably wrong;
    ``info``: worth knowing.
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Span(NamedTuple):
    """A range of a file: lines and columns count from 1, columns in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(1, 1, 1, 1)


class Finding(NamedTuple):
    """One problem and its location.

    ``code`` is that of a rule in ``streamroute.config.findings.rules``; ``file`` is the path as the user
    would write it. ``suggestion`` is the probably intended replacement for the text of ``span``; ``fix`` is
    a replacement that is certainly right.
    """

    code: str
    severity: Severity
    message: str
    file: str
    span: Span = START
    help: str | None = None
    suggestion: str | None = None
    fix: str | None = None

    @property
    def text(self) -> str:
        """The message with the suggestion, if any."""
        if self.suggestion is None:
            return self.message
        return f'{self.message}; did you mean "{self.suggestion}"?'

    def __str__(self) -> str:
        """Return one line, such as ``routes.yaml:12:5: error[SR102]: unexpected key ...``."""
        location = f"{self.file}:{self.span.line}:{self.span.column}"
        return f"{location}: {self.severity}[{self.code}]: {self.text}"


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by file, line, column and code, and remove duplicates."""
    return sorted(dict.fromkeys(findings), key=_order)


def merge_findings(sorted_findings: Iterable[Iterable[Finding]]) -> list[Finding]:
    """Merge sorted findings into one sorted list, without duplicates."""
    return list(dict.fromkeys(merge(*sorted_findings, key=_order)))


def _order(found: Finding) -> tuple[str, Span, str, str]:
    return found.file, found.span, found.code, found.message


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are errors."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)
