"""Collect the findings of one file while it is read."""

from __future__ import annotations

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile

Extent = tuple[int, int]
"""Start and end offset in a text, the end exclusive."""


class AbortReadingError(Exception):
    """Raised while reading a file, after adding the finding that explains why the rest cannot be read."""


class FindingCollector:
    """Collects findings about extents of a text."""

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.findings: list[Finding] = []

    def add(
        self,
        code: str,
        message: str,
        extent: Extent,
        advice: str | None = None,
        suggestion: str | None = None,
        fix: str | None = None,
    ) -> None:
        """Add a finding."""
        span = self.file.between(*extent)
        self.findings.append(
            self.file.finding(code, message, span, help=advice, suggestion=suggestion, fix=fix)
        )

    def abort(self, code: str, message: str, extent: Extent, advice: str | None = None) -> None:
        """Add a finding and raise AbortReadingError."""
        self.add(code, message, extent, advice)
        raise AbortReadingError(message)
