"""A parsed file: its data, and the position of each value in its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.config.findings.rules import Rule
from streamroute.config.findings.text_file import Step, TextFile

if TYPE_CHECKING:
    from streamroute.config.yaml.positions import YamlNode

Part = Literal["key", "value", "first-key"]
DataPath = tuple[Step, ...]

_PROPERTIES: Final = r"(?:[&!][^\s,\[\]{}]*\s+)+"
"""The anchor and tag before a value."""
_COMMENT: Final = r"[ \t]+(#[^\r\n]*)"


class SourceFile(TextFile):
    """A text and its data.

    A data path is a tuple of keys and list positions, such as ``("routes", 3, "handler")``. If the path does
    not exist (the key is missing), its position is that of the nearest existing ancestor.
    """

    def __init__(self, path: str, text: str, data: dict[str, Any]) -> None:
        super().__init__(path, text)
        self.data = data
        self._aligned: tuple[int, list[int]] = (-1, [])
        self.renamed_keys: dict[DataPath, str] = {}
        """Maps the path of a correctly spelled key to the misspelled key in the file."""

    @cached_property
    def _root(self) -> YamlNode:
        from streamroute.config.yaml.positions import build_nodes  # only a finding needs it

        return build_nodes(self.text)

    def value(self, path: Sequence[Step]) -> Any:
        """Return the file's value at ``path``, or None; ``renamed_keys`` resolves misspelled keys."""
        current: Any = self.data
        for at, step in enumerate(path, 1):
            raw_key = self.renamed_keys.get(tuple(path[:at]), step)
            current = current.get(raw_key) if isinstance(current, dict) else None
        return current

    def span(self, path: Sequence[Step], on: Part = "value") -> Span:
        """Return the span of the value at ``path``, of its key, or of the first key if it is a mapping."""
        key, value = self._find(path)
        if on == "first-key":
            return self._span_of(_first_key(value))
        return self._span_of(key if on == "key" else value)

    def span_in(self, path: Sequence[Step], start: int, end: int) -> Span:
        """Return the span of characters ``start`` to ``end`` of the string at ``path``, however quoted."""
        mark = self._find(path)[1].content
        if mark.value is None:
            return self._span_of(mark)
        from streamroute.config.yaml.scalar_offsets import align

        prefix = re.compile(_PROPERTIES).match(self.text, mark.start, mark.end)
        content = prefix.end() if prefix else mark.start
        if self._aligned[0] != content:  # one string may have many findings
            self._aligned = content, align(self.text[content : mark.end], mark.value, mark.style)
        offsets = self._aligned[1]
        first = offsets[min(start, len(mark.value))]
        last = offsets[min(end, len(mark.value)) - 1] + 1 if end > start else first
        return self.between(content + first, content + last)

    def scalar_text(self, path: Sequence[Step]) -> str:
        """Return the source text of the value at ``path``; for an alias, that of its target."""
        mark = self._find(path)[1].content
        return self.text[mark.start : mark.end].rstrip()

    def text_at(self, path: Sequence[Step], on: Part = "value") -> str:
        """Return the source text of the value, or of the key, at ``path``; for an alias, the alias itself."""
        mark = self._find(path)[0 if on == "key" else 1]
        return self.text[mark.start : mark.end].rstrip()

    def comment_after(self, path: Sequence[Step]) -> str | None:
        """Return the comment directly after the value at ``path``, including its ``#``, or None."""
        match = re.compile(_COMMENT).match(self.text, self._find(path)[1].content.end)
        return match[1] if match else None

    def is_plain(self, path: Sequence[Step]) -> bool:
        """Whether the value at ``path`` is a scalar without quotes."""
        return self._find(path)[1].content.style == "plain"

    def _find(self, path: Sequence[Step]) -> tuple[YamlNode, YamlNode]:
        node = (self._root, self._root)
        for at, step in enumerate(path, 1):
            deeper = node[1].child(
                self.renamed_keys.get(tuple(path[:at]), step) if self.renamed_keys else step
            )
            if deeper is None:
                return node[1], node[1]
            node = deeper
        return node

    def _span_of(self, mark: YamlNode) -> Span:
        # The end of a block scalar is after its last line break.
        return self.between(mark.start, mark.start + len(self.text[mark.start : mark.end].rstrip()))


def _first_key(mark: YamlNode) -> YamlNode:
    pairs = mark.content.pairs
    return pairs[0][0] if pairs else mark


class SourceLocation(NamedTuple):
    """A part of a file, about which later steps create findings."""

    source: SourceFile
    path: DataPath = ()

    def value(self, key: Step) -> Any:
        """Return the value of a key in the mapping at this location, or None."""
        return self.source.value((*self.path, key))

    def finding(
        self,
        rule: Rule | str,
        message: str,
        *,
        at: DataPath = (),
        on: Part = "value",
        within: tuple[int, int] | None = None,
        help: str | None = None,  # noqa: A002 - the field of a finding
        suggestion: str | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding about the value, or its key, at ``at`` below this location.

        ``rule`` is a rule or its code. ``within`` narrows the span to a range of the string's characters.
        """
        path = (*self.path, *at)
        span = self.source.span(path, on) if within is None else self.source.span_in(path, *within)
        return self.source.finding(rule, message, span, help=help, suggestion=suggestion, severity=severity)

    def display_line(self, source: SourceFile, at: DataPath = (), on: Part = "value") -> str:
        """Return the line of the part at ``at``, formatted for a finding in ``source``.

        For example ``line 3``, or ``orders.yaml:3`` if the part is in another file.
        """
        line = self.source.span((*self.path, *at), on).line
        return f"line {line}" if self.source is source else f"{self.source.path}:{line}"

    def comment_after(self, at: DataPath) -> str | None:
        """Return the comment directly after the unquoted value at ``at``, or None.

        The author may have meant the comment as part of the value."""
        path = (*self.path, *at)
        return self.source.comment_after(path) if self.source.is_plain(path) else None

    def __repr__(self) -> str:
        return f"Place({self.source.path!r}, {self.path!r})"
