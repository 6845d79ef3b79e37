"""Collect the findings of one file while it is read."""

from __future__ import annotations

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile

Extent = tuple[int, int]
"""Offsets into a text: from the first up to the second."""


class AbortReadingError(Exception):
    """Raised inside the reader after it reported why the rest of the file cannot be read."""


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
