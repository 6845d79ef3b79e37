"""A file that was read: its data, and where each part of the data stands in its text."""

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
"""What stands before a value itself: its anchor and its tag."""
_COMMENT: Final = r"[ \t]+(#[^\r\n]*)"


class SourceFile(TextFile):
    """A text and its data.

    A data path is a tuple of keys and list positions, such as ``("routes", 3, "handler")``. Where it leads
    nowhere (the key is missing), the nearest value above it is meant.
    """

    def __init__(self, path: str, text: str, data: dict[str, Any]) -> None:
        super().__init__(path, text)
        self.data = data
        self._aligned: tuple[int, list[int]] = (-1, [])
        self.renamed_keys: dict[DataPath, str] = {}
        """Paths that lead to a misspelt key, and how it is written there."""

    @cached_property
    def _root(self) -> YamlNode:
        from streamroute.config.yaml.positions import build_nodes  # for what must be pointed at

        return build_nodes(self.text)

    def value(self, path: Sequence[Step]) -> Any:
        """What the file holds at ``path``, or None; of a misspelt key, what the one that was meant would."""
        found: Any = self.data
        for at, step in enumerate(path, 1):
            written = self.renamed_keys.get(tuple(path[:at]), step)
            found = found.get(written) if isinstance(found, dict) else None
        return found

    def span(self, path: Sequence[Step], on: Part = "value") -> Span:
        """Where the value at ``path`` stands, or its key, or the first key of the mapping that it is."""
        key, value = self._find(path)
        if on == "first-key":
            return self._span_of(_first_key(value))
        return self._span_of(key if on == "key" else value)

    def span_in(self, path: Sequence[Step], start: int, end: int) -> Span:
        """Where the characters ``start`` to ``end`` of the string at ``path`` stand, whatever its quotes."""
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
        """The value at ``path`` as it is written in the file; for an alias, where its anchor is."""
        mark = self._find(path)[1].content
        return self.text[mark.start : mark.end].rstrip()

    def text_at(self, path: Sequence[Step], on: Part = "value") -> str:
        """What stands at the span of the value, or of the key, at ``path``."""
        mark = self._find(path)[0 if on == "key" else 1]
        return self.text[mark.start : mark.end].rstrip()

    def comment_after(self, path: Sequence[Step]) -> str | None:
        """The comment right behind the value at ``path``, from its ``#`` on, or None."""
        match = re.compile(_COMMENT).match(self.text, self._find(path)[1].content.end)
        return match[1] if match else None

    def is_plain(self, path: Sequence[Step]) -> bool:
        """Whether the value at ``path`` is a scalar without quotes."""
        return self._find(path)[1].content.style == "plain"

    def _find(self, path: Sequence[Step]) -> tuple[YamlNode, YamlNode]:
        found = (self._root, self._root)
        for at, step in enumerate(path, 1):
            deeper = found[1].child(
                self.renamed_keys.get(tuple(path[:at]), step) if self.renamed_keys else step
            )
            if deeper is None:
                return found[1], found[1]
            found = deeper
        return found

    def _span_of(self, mark: YamlNode) -> Span:
        # The end of a block scalar stands behind its last line break.
        return self.between(mark.start, mark.start + len(self.text[mark.start : mark.end].rstrip()))


def _first_key(mark: YamlNode) -> YamlNode:
    pairs = mark.content.pairs
    return pairs[0][0] if pairs else mark


class SourceLocation(NamedTuple):
    """A part of a file, which later steps make findings about."""

    source: SourceFile
    path: DataPath = ()

    def value(self, key: Step) -> Any:
        """What the file holds under a key of the mapping here, or None."""
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
        """A finding of a rule, or of its code, about the value, or its key, at ``at`` below this place.

        ``within`` narrows it to the characters from its first number up to its second in the string there.
        """
        path = (*self.path, *at)
        span = self.source.span(path, on) if within is None else self.source.span_in(path, *within)
        return self.source.finding(rule, message, span, help=help, suggestion=suggestion, severity=severity)

    def line_seen_from(self, source: SourceFile, at: DataPath = (), on: Part = "value") -> str:
        """The line of what stands below this place, as a finding in ``source`` names it.

        ``line 3``, or ``orders.yaml:3`` where it is another file.
        """
        line = self.source.span((*self.path, *at), on).line
        return f"line {line}" if self.source is source else f"{self.source.path}:{line}"

    def comment_after(self, at: DataPath) -> str | None:
        """The comment right behind an unquoted value below this place, or None: YAML may have cut it."""
        path = (*self.path, *at)
        return self.source.comment_after(path) if self.source.is_plain(path) else None

    def __repr__(self) -> str:
        return f"Place({self.source.path!r}, {self.path!r})"
