"""The text of a file, with conversion of offsets to lines and columns."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import Final

from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.config.findings.rules import RULES, Rule
from streamroute.text.lazy_pattern import lazy_pattern
from streamroute.text.truncation import ellipsize_middle

Step = str | int
"""A key of a mapping, or a position in a list."""

_MAX_LINE_LENGTH: Final = 1_000
"""Characters of a finding's message or advice: a name may have megabytes, and occur in many findings."""

_LINE_END = lazy_pattern(r"\r\n|\r|\n")


class TextFile:
    """The text of one file, without a byte order mark, and its path as shown to the user."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of the character at ``offset``."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def between(self, start: int, end: int) -> Span:
        """Return the span of the characters from ``start`` up to ``end``."""
        return Span(*self.position(start), *self.position(max(start, end)))

    def start_of_line(self, number: int) -> int:
        """Return the offset of the first character of a line; lines count from 1."""
        return self._starts[number - 1]

    def line(self, number: int) -> str:
        """Return the text of a line without its line break; empty if there is no such line."""
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
        """Return a finding in this file, with the rule's severity unless another is given.

        A rule in ``RULES`` may be given by its code.
        """
        rule = RULES[rule] if isinstance(rule, str) else rule
        severity = severity or rule.severity
        advice = help if help is None else _short(help)
        return Finding(rule.code, severity, _short(message), self.path, span, advice, suggestion, fix)


def _short(text: str) -> str:
    """Shorten a text that is too long to its beginning and end."""
    mark = f"... ({len(text):,} characters) ..."
    return ellipsize_middle(text, _MAX_LINE_LENGTH, _MAX_LINE_LENGTH * 4 // 5, _MAX_LINE_LENGTH // 10, mark)
