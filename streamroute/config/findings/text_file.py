"""A file's text: from offsets to lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import Final

from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.config.findings.rules import RULES, Rule

Step = str | int
"""A key of a mapping, or a position in a list."""

_LONGEST: Final = 1_000
"""Characters of a finding: a name may be of megabytes, and stand in a thousand of them."""

_LINE_END = re.compile(r"\r\n|\r|\n")


class TextFile:
    """The text of one file, without a byte order mark, and the path that people know it by."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of the character at ``offset``."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def between(self, start: int, end: int) -> Span:
        """The span of the characters from ``start`` up to ``end``."""
        return Span(*self.position(start), *self.position(max(start, end)))

    def start_of_line(self, number: int) -> int:
        """Offset of the first character of a line, from 1."""
        return self._starts[number - 1]

    def line(self, number: int) -> str:
        """The text of a line, from 1, without its end; empty where there is no such line."""
        if not 0 < number <= len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else None
        return self.text[self._starts[number - 1] : end].rstrip("\r\n")

    def finding(
        self,
        rule: Rule | str,
        message: str,
        span: Span,
        *,
        help: str | None = None,  # noqa: A002 - the field of a finding
        suggestion: str | None = None,
        severity: Severity | None = None,
        fix: str | None = None,
    ) -> Finding:
        """A finding in this file, of the rule's severity unless another is given.

        A rule that ``RULES`` holds may be named by its code.
        """
        rule = RULES[rule] if isinstance(rule, str) else rule
        severity = severity or rule.severity
        advice = help if help is None else _short(help)
        return Finding(rule.code, severity, _short(message), self.path, span, advice, suggestion, fix)


def _short(text: str) -> str:
    """The two ends of a text that is too long to be read."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST * 4 // 5]}... ({len(text):,} characters) ...{text[-_LONGEST // 10 :]}"
