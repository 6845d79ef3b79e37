"""Apply the fixes of findings to the text of a file."""

from __future__ import annotations

from collections.abc import Iterable

from streamroute.config.findings.finding import Finding, Span
from streamroute.config.findings.text_file import TextFile


def apply_fixes(file: TextFile, findings: Iterable[Finding]) -> str:
    """Return the file's text with the fixes of its findings applied; of overlapping fixes, the first wins."""
    parts: list[str] = []
    at = 0
    for found in sorted(findings, key=lambda one: one.span):
        start, end = _offsets(file, found.span)
        if found.fix is None or found.file != file.path or start < at:
            continue
        parts += [file.text[at:start], found.fix]
        at = end
    return "".join([*parts, file.text[at:]])


def _offsets(file: TextFile, span: Span) -> tuple[int, int]:
    start = file.start_of_line(span.line) + span.column - 1
    return start, file.start_of_line(span.end_line) + span.end_column - 1
