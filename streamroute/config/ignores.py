"""``# streamroute: ignore[SR307] why``: findings that a comment in the file silences.

A comment behind something is about what stands on its line, a block scalar that begins there included. A
comment on a line of its own is about the whole entry below it: a key with its value, or an item of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from streamroute.config.diagnostics import Finding
from streamroute.config.marks import Mark, build_marks
from streamroute.config.rules import ABOUT_IGNORES, RULES
from streamroute.config.source import SourceFile
from streamroute.config.suggestions import did_you_mean

_SIGN: Final = re.compile(r"#[ \t]*streamroute:[ \t]*ignore\b", re.IGNORECASE)
_LISTED: Final = re.compile(r"[ \t]*\[([^\]\r\n]*)\]")
_WORD: Final = re.compile(r"[^\s,]+")

Lines = tuple[int, int]
"""From the first line to the last, both included."""
_Piece = tuple[int, int, bool]
"""A part of a file: its first line, its last line, and whether it is a scalar."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A rule that a comment silences on some lines; ``start`` and ``end`` are the code's place."""

    code: str
    lines: Lines
    start: int
    end: int

    def covers(self, found: Finding) -> bool:
        """Whether it silences this finding of the same file."""
        return self.code == found.code and self.lines[0] <= found.span.line <= self.lines[1]


def silence(
    findings: Sequence[Finding], sources: Iterable[SourceFile], *, unchecked: tuple[str, ...] = ()
) -> list[Finding]:
    """The findings that no comment silences, and what is wrong with the comments themselves.

    Codes that begin with one of ``unchecked`` were not looked for, so that silencing them is no mistake.
    """
    left = list(findings)
    for source in sources:
        if _SIGN.search(source.text):
            left = _silence_in(source, left, unchecked)
    return left


def _silence_in(source: SourceFile, findings: Sequence[Finding], unchecked: tuple[str, ...]) -> list[Finding]:
    ignores, mistakes = _read(source)
    own = [found for found in findings if found.file == source.path]
    silenced = {id(found) for found in own if any(ignore.covers(found) for ignore in ignores)}
    left = [found for found in findings if id(found) not in silenced]
    idle = (ignore for ignore in ignores if not any(map(ignore.covers, own)))
    unused = [_unused(source, ignore) for ignore in idle if not ignore.code.startswith(unchecked)]
    return left + mistakes + unused


def _unused(source: SourceFile, ignore: Ignore) -> Finding:
    first, last = ignore.lines
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    message = f"nothing is silenced here: {ignore.code} finds nothing on {where}"
    return source.finding("SR018", message, source.between(ignore.start, ignore.end), help="take it away")


def _read(source: SourceFile) -> tuple[list[Ignore], list[Finding]]:
    """The file's ignores, and what is wrong with them."""
    ignores: list[Ignore] = []
    mistakes: list[Finding] = []
    root = build_marks(source.text)
    pieces = list(_pieces(source, root))
    for sign in _SIGN.finditer(source.text):
        if _is_comment(source.text, sign.start(), root):
            lines = _lines(source, sign.start(), pieces)
            read = [_ignore(source, code, start, lines) for code, start in _codes(source.text, sign.end())]
            ignores += (one for one in read if isinstance(one, Ignore))
            mistakes += (one for one in read or [_without_code(source, sign)] if isinstance(one, Finding))
    return ignores, mistakes


def _codes(text: str, at: int) -> list[tuple[str, int]]:
    """The codes between the brackets, and where each stands."""
    listed = _LISTED.match(text, at)
    if listed is None:
        return []
    return [(word[0], listed.start(1) + word.start()) for word in _WORD.finditer(listed[1])]


def _without_code(source: SourceFile, sign: re.Match[str]) -> Finding:
    span = source.between(*sign.span())
    help_text = "for instance # streamroute: ignore[SR307] the field is always there"
    return source.finding("SR019", "this comment names no rule to silence", span, help=help_text)


def _ignore(source: SourceFile, code: str, start: int, lines: Lines) -> Ignore | Finding:
    rule, end = RULES.get(code), start + len(code)
    span = source.between(start, end)
    if rule is None:
        meant = did_you_mean(code, RULES)
        return source.finding("SR019", f'there is no rule "{code}"', span, suggestion=meant)
    if rule.silenceable:
        return Ignore(code, lines, start, end)
    why = "it is about such comments" if code in ABOUT_IGNORES else "nothing can be built with it"
    return source.finding("SR020", f"{code} ({rule.name}) can't be silenced: {why}", span)


# Where a comment stands, and what it is about


def _is_comment(text: str, at: int, root: Mark) -> bool:
    """Whether the # at an offset begins a comment, or stands inside a string."""
    if at and text[at - 1] not in " \t\r\n":
        return False
    return not any(_holds(mark, text, at) for mark in _marks(root) if mark.value is not None)


def _holds(mark: Mark, text: str, at: int) -> bool:
    if mark.style in {"|", ">"}:
        # Behind the | or > of a block scalar a comment may stand.
        body = text.find("\n", mark.start)
        return body != -1 and body < at < mark.start + len(text[mark.start : mark.end].rstrip())
    return mark.start <= at < mark.end


def _marks(root: Mark) -> Iterator[Mark]:
    stack = [root]
    while stack:
        mark = stack.pop()
        yield mark
        for key, value in mark.pairs or ():
            stack += [key, value]
        stack += mark.items or ()


def _lines(source: SourceFile, at: int, pieces: Sequence[_Piece]) -> Lines:
    line = source.position(at)[0]
    if source.text[source.start_of_line(line) : at].strip():
        return _of_line(line, pieces)
    return _below(source, line, pieces)


def _of_line(line: int, pieces: Sequence[_Piece]) -> Lines:
    touching = [(first, last) for first, last, scalar in pieces if scalar and line in {first, last}]
    return min([line, *(first for first, _ in touching)]), max([line, *(last for _, last in touching)])


def _below(source: SourceFile, line: int, pieces: Sequence[_Piece]) -> Lines:
    line += 1
    last_line = source.position(len(source.text))[0]
    while line < last_line and _is_blank(source.line(line)):
        line += 1
    return line, max([line, *(last for first, last, _ in pieces if first == line)])


def _is_blank(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#")


def _pieces(source: SourceFile, root: Mark) -> Iterator[_Piece]:
    """Every entry of a mapping or a list, and every scalar."""
    for mark in _marks(root):
        if mark.value is not None:
            yield *_extent(source, mark.start, mark.end), True
        for key, value in mark.pairs or ():
            yield *_extent(source, key.start, value.end), False
        for item in mark.items or ():
            yield *_extent(source, item.start, item.end), False


def _extent(source: SourceFile, start: int, end: int) -> Lines:
    end = start + len(source.text[start:end].rstrip())
    return source.position(start)[0], source.position(max(start, end - 1))[0]
