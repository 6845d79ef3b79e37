"""From YAML's events to plain data, in one pass and in bounded space.

Data is what JSON could hold: dicts with string keys, lists, strings, numbers, booleans and None. Where a
part can't be read, a finding says so and the rest is read on.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from streamroute.config.diagnostics import Finding
from streamroute.config.events import end_of, events, start_of
from streamroute.config.merges import merge
from streamroute.config.scalars import CORE, read_plain, read_tagged
from streamroute.config.suggestions import did_you_mean
from streamroute.config.text import TextFile

MAX_DEPTH: Final = 64
MAX_EXPANSION: Final = 1_000_000
EXPRESSION_KEYS: Final = frozenset({"filter"})
QUOTE_IT: Final = "quote the whole expression, or write it under >- on a line of its own"

_NO_KEY: Final = object()
_MERGE: Final = object()
_OPEN: Final = object()


class TooMuchError(Exception):
    """Raised inside the reader, after its finding was written, where reading on would be no use."""


class _Frame:
    """A mapping or a list that is not complete yet."""

    __slots__ = ("anchor", "count", "data", "key", "keys", "merged", "start")

    def __init__(self, data: Any, anchor: str | None, start: int, count: int) -> None:
        self.data = data
        self.anchor = anchor
        self.start = start
        self.count = count
        self.key: Any = _NO_KEY
        self.keys: dict[Any, int] = {}
        self.merged: list[tuple[Any, int, int]] = []


class Builder:
    """Builds the data of one text; ``findings`` fills on the way."""

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.root: Any = None
        self.root_start: int | None = None
        self._documents = 0
        self._count = 0
        self._expanded = 0
        self._top: _Frame | None = None
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def build(self) -> Any:
        """The text's data; raises yaml.YAMLError or TooMuchError."""
        handlers: dict[type, Any] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open_mapping,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceStartEvent: self._open_list,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._open_document,
            yaml.DocumentEndEvent: self._ignore,
            yaml.StreamStartEvent: self._ignore,
            yaml.StreamEndEvent: self._ignore,
        }
        for event in events(self.file.text):
            handlers[type(event)](event)
        return self.root

    def _ignore(self, event: yaml.Event) -> None:
        """Events that carry no data."""

    def _open_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(
                "SR013",
                "the file holds more than one YAML document",
                start_of(event),
                end_of(event),
                "keep one document a file, and bring the others in by include",
            )

    # Scalars

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._count += 1
        value: Any = event.value
        if event.implicit[0]:
            top = self._top
            if top is not None and top.key is _NO_KEY and value == "<<" and type(top.data) is dict:
                value = _MERGE
            else:
                value = self._plain(event, value)
        elif event.tag is not None:
            value = self._tagged(event, event.tag)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, event)

    def _plain(self, event: yaml.ScalarEvent, text: str) -> Any:
        if self._top is not None and self._top.key in EXPRESSION_KEYS and self._lost_bang(event):
            return None
        try:
            return read_plain(text)
        except ValueError:
            self._find(
                "SR017",
                f"a number of {len(text)} digits is too long to be read",
                start_of(event),
                end_of(event),
            )
            return text

    def _lost_bang(self, event: yaml.ScalarEvent) -> bool:
        # `filter: ! vip` reaches us as `vip`: the message would go to the wrong route.
        start = start_of(event)
        if self.file.text[start : start + 1] != "!":
            return False
        self._misread_tag("!", start, end_of(event))
        return True

    def _tagged(self, event: yaml.ScalarEvent, tag: str) -> Any:
        try:
            return read_tagged(tag, event.value)
        except ValueError:
            self._find(
                "SR010",
                f'"{event.value}" is not what its tag !!{tag.removeprefix(CORE)} says',
                start_of(event),
                end_of(event),
            )
        except KeyError:
            if self._unknown_tag(event):
                return None
        return event.value

    def _unknown_tag(self, event: Any) -> bool:
        """Report the tag; true where it has eaten the start of an expression."""
        start, end = start_of(event), end_of(event)
        name = self.file.text[start:end].split()[0] if self.file.text[start : start + 1] == "!" else event.tag
        if self._top is not None and self._top.key in EXPRESSION_KEYS:
            self._misread_tag(name, start, end)
            return True
        self._find(
            "SR010",
            f'unknown tag "{name}"',
            start,
            start + len(name),
            "a value that starts with ! must be quoted",
        )
        return False

    def _misread_tag(self, name: str, start: int, end: int) -> None:
        self._find(
            "SR303", f'YAML reads "{name}" as a tag, and the expression loses it', start, end, QUOTE_IT
        )

    # Mappings, lists and aliases

    def _open_mapping(self, event: yaml.MappingStartEvent) -> None:
        self._open({}, event)

    def _open_list(self, event: yaml.SequenceStartEvent) -> None:
        self._open([], event)

    def _open(self, data: Any, event: Any) -> None:
        self._count += 1
        if event.tag is not None and event.tag not in {f"{CORE}map", f"{CORE}seq", "!"}:
            self._unknown_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(
                "SR011",
                f"mappings and lists are nested deeper than {MAX_DEPTH} levels",
                start_of(event),
                end_of(event),
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = (_OPEN, 0)
        self._top = _Frame(data, event.anchor, start_of(event), self._count)
        self._stack.append(self._top)

    def _close(self, event: yaml.Event) -> None:
        frame = self._stack.pop()
        if frame.merged:
            self._merge(frame)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, self._count - frame.count + 1)
        self._top = self._stack[-1] if self._stack else None
        self._place(frame.data, frame.start, end_of(event))

    def _merge(self, frame: _Frame) -> None:
        for value, start, end in frame.merged:
            grown = merge(frame.data, value)
            if grown is None:
                self._find(
                    "SR014",
                    "<< takes a mapping or a list of mappings",
                    start,
                    end,
                    "name an anchor: <<: *common",
                )
            else:
                self._expand(grown, start, end)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name, start, end = str(event.anchor), start_of(event), end_of(event)
        value, size = self._anchors.get(name, (_NO_KEY, 0))
        if value is _OPEN:
            self._find("SR007", f'"*{name}" stands inside the very value that it names', start, end)
            value = None
        elif value is _NO_KEY:
            self._unknown_alias(name, start, end)
            value = None
        self._expand(size, start, end)
        self._place(value, start, end)

    def _unknown_alias(self, name: str, start: int, end: int) -> None:
        near = did_you_mean(name, self._anchors)
        if self._top is not None and self._top.key in EXPRESSION_KEYS:
            self._find("SR303", f'YAML reads "*{name}" as an alias', start, end, QUOTE_IT)
            return
        self.findings.append(
            self.file.finding(
                "SR007",
                f'"*{name}" names an anchor that does not exist above it',
                self.file.between(start, end),
                help=f"an anchor is written &{name}",
                suggestion=f"*{near}" if near else None,
            )
        )

    def _expand(self, size: int, start: int, end: int) -> None:
        # Every later step walks the expanded data, so that a small bomb would cost days.
        self._count += size
        self._expanded += size
        if self._expanded > MAX_EXPANSION:
            self._stop("SR008", f"aliases expand to more than {MAX_EXPANSION:,} values", start, end)

    # Where a value goes

    def _put(self, value: Any, event: yaml.Event) -> None:
        top = self._top
        if top is not None:
            if top.key is not _NO_KEY:
                if top.key is not _MERGE:
                    top.data[top.key] = value
                    top.key = _NO_KEY
                    return
            elif type(top.data) is list:
                top.data.append(value)
                return
        self._place(value, start_of(event), end_of(event))

    def _place(self, value: Any, start: int, end: int) -> None:
        top = self._top
        if top is None:
            self.root, self.root_start = value, start
        elif type(top.data) is list:
            top.data.append(value)
        elif top.key is _NO_KEY:
            self._take_key(top, value, start, end)
        elif top.key is _MERGE:
            top.merged.append((value, start, end))
            top.key = _NO_KEY
        else:
            top.data[top.key] = value
            top.key = _NO_KEY

    def _take_key(self, top: _Frame, key: Any, start: int, end: int) -> None:
        if type(key) is not str and key is not _MERGE:
            key = self._odd_key(key, start, end)
        if key in top.keys:
            self._duplicate(top, key, start, end)
        top.keys[key] = start
        top.key = key

    def _duplicate(self, top: _Frame, key: Any, start: int, end: int) -> None:
        name = "<<" if key is _MERGE else key
        line = self.file.position(top.keys[key])[0]
        self._find(
            "SR006",
            f'key "{name}" appears a second time; the first is on line {line}',
            start,
            end,
            "name several anchors in one: <<: [*one, *two]" if key is _MERGE else None,
        )

    def _odd_key(self, key: Any, start: int, end: int) -> str:
        text = self.file.text[start:end].strip()
        if isinstance(key, (dict, list)):
            self._find(
                "SR009",
                f"a {'mapping' if isinstance(key, dict) else 'list'} can't be a key",
                start,
                end,
                "a value that starts with { or [ must be quoted",
            )
            return text
        kind = "empty" if text == "" else "null" if key is None else _KINDS[type(key)]
        self._find(
            "SR009",
            f"a key must be a string, and {text or 'this one'} is {kind}",
            start,
            end,
            f'quote it: "{text}"',
        )
        return text

    def _find(self, code: str, message: str, start: int, end: int, help: str | None = None) -> None:  # noqa: A002 - the field of a finding
        self.findings.append(self.file.finding(code, message, self.file.between(start, end), help=help))

    def _stop(self, code: str, message: str, start: int, end: int, help: str | None = None) -> None:  # noqa: A002 - the field of a finding
        self._find(code, message, start, end, help)
        raise TooMuchError(message)


_KINDS: Final[dict[type, str]] = {int: "a number", float: "a number", bool: "a truth value"}
