"""Suppressions: comments such as ``# streamroute: ignore[SR307] why``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.suppressions.comment_scope import CommentScopes, Lines
from streamroute.config.yaml.source import SourceFile
from streamroute.text.suggestions import did_you_mean

_SIGN: Final = re.compile(r"#[ \t]*streamroute:[ \t]*ignore\b", re.IGNORECASE)
_LISTED: Final = re.compile(r"[ \t]*\[([^\]\r\n]*)\]")
_WORD: Final = re.compile(r"[^\s,]+")


@dataclass(frozen=True, slots=True)
class Ignore:
    """A rule that a comment suppresses on some lines; ``start`` and ``end`` are the offsets of its code."""

    rule: Rule
    lines: Lines
    start: int
    end: int

    @property
    def code(self) -> str:
        """The code of the rule."""
        return self.rule.code


def suppress(
    findings: Sequence[Finding],
    sources: Iterable[SourceFile],
    rules: Mapping[str, Rule],
    is_checked: Callable[[Rule], bool] = lambda _: True,
) -> list[Finding]:
    """Return the findings that no comment suppresses, and findings about the comments themselves.

    ``rules`` are the rules that a comment may name. An unused suppression is reported if its rule
    ``is_checked`` and no error of the same stage on its lines may have hidden the finding.
    """
    remaining = list(findings)
    for source in sources:
        if _SIGN.search(source.text):
            remaining = _suppress_in(source, remaining, rules, is_checked)
    return remaining


def _suppress_in(
    source: SourceFile,
    findings: Sequence[Finding],
    rules: Mapping[str, Rule],
    is_checked: Callable[[Rule], bool],
) -> list[Finding]:
    ignores, mistakes = _read(source, rules)
    coverage = _Coverage({(ignore.code, ignore.lines) for ignore in ignores})
    remaining = [
        finding for finding in findings if finding.file != source.path or not coverage.suppresses(finding)
    ]
    unused_ignores = (ignore for ignore in ignores if (ignore.code, ignore.lines) not in coverage.used)
    checked = (ignore for ignore in unused_ignores if is_checked(ignore.rule))
    errors = (
        finding for finding in remaining if finding.severity is Severity.ERROR and finding.file == source.path
    )
    lines_with_errors = {(rules[finding.code].stage, finding.span.line) for finding in errors}
    unused = [_unused(source, ignore) for ignore in checked if not _is_hidden(ignore, lines_with_errors)]
    return remaining + mistakes + unused


def _is_hidden(ignore: Ignore, lines_with_errors: Collection[tuple[Stage, int]]) -> bool:
    """Whether an error of the same stage on its lines may hide the finding: parse errors hide type errors."""
    first, last = ignore.lines
    return any((ignore.rule.stage, line) in lines_with_errors for line in range(first, last + 1))


class _Coverage:
    """The suppressed lines of a file by code; ``used`` are the suppressions that matched a finding."""

    def __init__(self, coverage: Iterable[tuple[str, Lines]]) -> None:
        self.used: set[tuple[str, Lines]] = set()
        self._at: dict[tuple[str, int], list[Lines]] = {}
        for code, lines in coverage:
            for line in range(lines[0], lines[1] + 1):
                self._at.setdefault((code, line), []).append(lines)

    def suppresses(self, finding: Finding) -> bool:
        """Whether a finding is suppressed; records the suppressions that match it."""
        covering = self._at.get((finding.code, finding.span.line), ())
        self.used.update((finding.code, lines) for lines in covering)
        return bool(covering)


def _unused(source: SourceFile, ignore: Ignore) -> Finding:
    first, last = ignore.lines
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    message = f"unused ignore: {ignore.code} reports nothing on {where}"
    return source.finding("SR018", message, source.between(ignore.start, ignore.end), help="remove it")


def _read(source: SourceFile, rules: Mapping[str, Rule]) -> tuple[list[Ignore], list[Finding]]:
    """Return the file's suppressions, and findings about invalid ones."""
    ignores: list[Ignore] = []
    mistakes: list[Finding] = []
    comments = CommentScopes(source)
    for sign in _SIGN.finditer(source.text):
        if comments.is_comment_at(sign.start()):
            lines = comments.covered_lines(sign.start())
            codes = _codes(source.text, sign.end())
            if len(codes) > len(rules):
                mistakes.append(_too_many(source, sign))
                continue
            read = [_ignore(source, rules, code, start, lines) for code, start in codes]
            ignores += (item for item in read if isinstance(item, Ignore))
            mistakes += (item for item in read or [_without_code(source, sign)] if isinstance(item, Finding))
    return ignores, mistakes


def _codes(text: str, at: int) -> list[tuple[str, int]]:
    """Return the codes in the brackets, with their offsets."""
    listed = _LISTED.match(text, at)
    if listed is None:
        return []
    return [(match[0], listed.start(1) + match.start()) for match in _WORD.finditer(listed[1])]


def _without_code(source: SourceFile, sign: re.Match[str]) -> Finding:
    span = source.between(*sign.span())
    help_text = "for example: # streamroute: ignore[SR307] the field is always there"
    return source.finding("SR019", "ignore comment without a rule code", span, help=help_text)


def _too_many(source: SourceFile, sign: re.Match[str]) -> Finding:
    span = source.between(*sign.span())
    return source.finding("SR019", "ignore comment with more rules than exist", span)


def _ignore(
    source: SourceFile, rules: Mapping[str, Rule], code: str, start: int, lines: Lines
) -> Ignore | Finding:
    rule, end = rules.get(code), start + len(code)
    span = source.between(start, end)
    if rule is None:
        suggestion = did_you_mean(code, rules)
        return source.finding("SR019", f'unknown rule "{code}"', span, suggestion=suggestion)
    if rule.can_be_ignored:
        return Ignore(rule, lines, start, end)
    reason = "it reports ignore comments" if rule.stage is Stage.COMMENTS else "it is an error"
    return source.finding("SR020", f"{code} ({rule.name}) cannot be ignored: {reason}", span)
