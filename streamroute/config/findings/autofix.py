"""Apply the fixes of findings to the text of a file."""

from __future__ import annotations

from collections.abc import Iterable

from streamroute.config.findings.finding import Finding, Span
from streamroute.config.findings.text_file import TextFile


def apply_fixes(file: TextFile, findings: Iterable[Finding]) -> str:
    """Return the file's text with the fixes of its findings applied; of overlapping fixes, the first wins."""
    parts: list[str] = []
    end_of_last = 0
    for finding in sorted(findings, key=lambda finding: finding.span):
        start, end = _offsets(file, finding.span)
        if finding.fix is None or finding.file != file.path or start < end_of_last:
            continue
        parts += [file.text[end_of_last:start], finding.fix]
        end_of_last = end
    return "".join([*parts, file.text[end_of_last:]])


def _offsets(file: TextFile, span: Span) -> tuple[int, int]:
    start = file.start_of_line(span.line) + span.column - 1
    return start, file.start_of_line(span.end_line) + span.end_column - 1
