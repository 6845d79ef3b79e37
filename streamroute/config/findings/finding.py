"""Findings: problems of a configuration, with a location."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad a finding is.

    An error can't be built or is certainly wrong, a warning is probably wrong, an info says something
    that is good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Span(NamedTuple):
    """A stretch of a file: lines and columns from 1, columns in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(1, 1, 1, 1)


class Finding(NamedTuple):
    """One thing that is wrong, and where.

    ``code`` names a rule of ``streamroute.config.findings.rules``; ``file`` is the path as the user would
    write it. ``suggestion`` is the word that was probably meant, and belongs in the place of ``span``;
    ``fix`` is the text that belongs there without a doubt.
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
        """The message with its suggestion."""
        if self.suggestion is None:
            return self.message
        return f'{self.message}; did you mean "{self.suggestion}"?'

    def __str__(self) -> str:
        """One line, as in ``routes.yaml:12:5: error[SR102]: unexpected key ...``."""
        location = f"{self.file}:{self.span.line}:{self.span.column}"
        return f"{location}: {self.severity}[{self.code}]: {self.text}"


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """By file, line, column and code; the same finding twice becomes one."""
    return sorted(
        dict.fromkeys(findings), key=lambda found: (found.file, found.span, found.code, found.message)
    )


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding forbids to run."""
    return any(found.severity is Severity.ERROR for found in findings)
