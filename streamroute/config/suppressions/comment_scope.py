"""The lines of a file that a comment covers.

A comment at the end of a line covers that line, and all lines of a scalar that begins or ends there. A
comment on its own line covers the whole element below it: a key with its value, or a list item.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from streamroute.config.yaml.positions import YamlNode, build_nodes
from streamroute.config.yaml.source import SourceFile

Lines = tuple[int, int]
"""First and last line, both inclusive."""


class CommentScopes:
    """The scopes of the comments in a file without syntax errors; build it once per file."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._scalars: list[tuple[int, int]] = []  # offsets: no comment begins inside these
        self._touching: dict[int, Lines] = {}  # line -> the lines of the scalars that begin or end on it
        self._last: dict[int, int] = {}  # line -> the last line of the elements that begin on it
        self._next: dict[int, int] = {}  # line without content -> the next line with content
        for node in _marks(build_nodes(source.text)):
            self._add(node)
        self._scalars.sort()

    def is_comment_at(self, at: int) -> bool:
        """Whether the # at an offset begins a comment; it may be inside a string."""
        text = self._source.text
        if at and text[at - 1] not in " \t\r\n":
            return False
        before = bisect_right(self._scalars, (at, len(text))) - 1
        return before < 0 or self._scalars[before][1] <= at

    def covered_lines(self, at: int) -> Lines:
        """Return the lines that the comment at an offset covers."""
        line = self._source.position(at)[0]
        if self._source.text[self._source.start_of_line(line) : at].strip():
            return self._touching.get(line, (line, line))
        below = self._content_below(line)
        return below, self._last.get(below, below)

    def _content_below(self, line: int) -> int:
        passed = [line]
        last = self._source.position(len(self._source.text))[0]
        while passed[-1] not in self._next and passed[-1] < last:
            if not _is_blank(self._source.line(passed[-1] + 1)):
                self._next[passed[-1]] = passed[-1] + 1
                break
            passed.append(passed[-1] + 1)
        content_line = self._next.get(passed[-1], line + 1)
        self._next.update(dict.fromkeys(passed, content_line))
        return content_line

    def _add(self, node: YamlNode) -> None:
        if node.value is not None:
            self._add_scalar(node)
        for key, value in node.pairs or ():
            self._add_entry(key.start, value.end)
        for item in node.items or ():
            self._add_entry(item.start, item.end)

    def _add_scalar(self, node: YamlNode) -> None:
        text = self._source.text
        start, end = node.start, _end(text, node.start, node.end)
        if node.style in {"|", ">"}:
            # A comment may follow the | or > of a block scalar.
            body = text.find("\n", start)
            start = end if body == -1 else body
        self._scalars.append((start, end))
        first, last = self._add_entry(node.start, node.end)
        for line in (first, last):
            before = self._touching.get(line, (line, line))
            self._touching[line] = (min(first, before[0]), max(last, before[1]))

    def _add_entry(self, start: int, end: int) -> Lines:
        first = self._source.position(start)[0]
        last = self._source.position(max(start, _end(self._source.text, start, end) - 1))[0]
        self._last[first] = max(last, self._last.get(first, last))
        return first, last


def _end(text: str, start: int, end: int) -> int:
    """Return the end of a value without trailing white space."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _is_blank(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#")


def _marks(root: YamlNode) -> Iterator[YamlNode]:
    stack = [root]
    while stack:
        mark = stack.pop()
        yield mark
        for key, value in mark.pairs or ():
            stack += [key, value]
        stack += mark.items or ()
