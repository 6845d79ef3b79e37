"""Build plain data from YAML events, in one pass and in bounded space.

The data is limited to the types of JSON: dicts with string keys, lists, strings, numbers, booleans and
None. A part that cannot be read becomes a finding, and reading continues after it.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from streamroute.config.findings.collector import Extent, FindingCollector
from streamroute.config.findings.text_file import TextFile
from streamroute.config.yaml.events import events, extent
from streamroute.config.yaml.key_errors import report_key
from streamroute.config.yaml.merge_keys import merge
from streamroute.config.yaml.scalar_reader import QUOTE_IT, ScalarReader
from streamroute.config.yaml.scalars import CORE
from streamroute.config.yaml.versions import find_differences, report_dropped_question_mark
from streamroute.text.suggestions import did_you_mean

MAX_DEPTH: Final = 64
TOO_DEEP: Final = f"mappings and lists are nested deeper than {MAX_DEPTH} levels"
MAX_EXPANSION: Final = 1_000_000
EXPRESSION_KEYS: Final = frozenset({"filter", "transform", "order_by"})

_LONG: Final = 64
"""Characters of a string that count as one more value: later steps read them again for each alias."""

_NO_KEY: Final = object()
_MERGE: Final = object()
_OPEN: Final = object()
_CORE_TAGS: Final = frozenset({f"{CORE}map", f"{CORE}seq", "!", None})


class _Frame:
    """A mapping or a list that is not complete yet.

    ``key`` is the key whose value comes next; ``keys`` maps the keys read so far to their offsets;
    ``begins_anew`` is set once the mapping's first key is repeated.
    """

    __slots__ = ("anchor", "begins_anew", "count", "data", "key", "keys", "merged", "start")

    def __init__(self, data: Any, anchor: str | None, start: int, count: int) -> None:
        self.data = data
        self.anchor = anchor
        self.start = start
        self.count = count
        self.key: Any = _NO_KEY
        self.keys: dict[Any, int] = {}
        self.merged: list[tuple[Any, Extent]] = []
        self.begins_anew = False


class Builder:
    """Builds the data of one text; ``collector`` collects the findings."""

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.collector = FindingCollector(file)
        self.root: Any = None
        self.root_start: int | None = None
        self._scalars = ScalarReader(self.collector)
        self._documents = 0
        self._count = 0
        self._expanded = 0
        self._top: _Frame | None = None
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def build(self) -> Any:
        """Return the text's data; raises yaml.YAMLError or AbortReadingError."""
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
        find_differences(self.collector)
        return self.root

    def _ignore(self, event: yaml.Event) -> None:
        """Ignore events that carry no data."""

    def _open_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            advice = "keep one document per file and include the others"
            if not self.file.text[extent(event)[1] :].strip():
                advice = "remove this line"
            self.collector.abort(
                "SR013", "the file contains more than one YAML document", extent(event), advice
            )

    # Values

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        size = 1 + len(event.value) // _LONG
        self._count += size
        top = self._top
        if event.value == "<<" and top is not None and self._is_merge(top, event):
            value: Any = _MERGE
        else:
            value = self._scalars.read(event, top is not None and self._wants_expression(top.key))
        if event.anchor is not None:
            self._anchors[event.anchor] = ("<<" if value is _MERGE else value, size)
        if top is not None and top.key is not _NO_KEY and top.key is not _MERGE:
            # Fast path: skip the offsets, which only a finding needs.
            top.data[top.key] = value
            top.key = _NO_KEY
        else:
            self._place(value, extent(event))

    def _wants_expression(self, key: Any) -> bool:
        if key == "key":
            return len(self._stack) > 1 and self._stack[-2].key in ("dedupe", "canary")
        return key in EXPRESSION_KEYS

    def _is_merge(self, top: _Frame, event: yaml.ScalarEvent) -> bool:
        return event.implicit[0] and top.key is _NO_KEY and type(top.data) is dict

    def _alias(self, event: yaml.AliasEvent) -> None:
        name, where = str(event.anchor), extent(event)
        value, size = self._anchors.get(name, (_NO_KEY, 0))
        if value is _OPEN:
            self.collector.add("SR007", f'alias "*{name}" is inside the value that it refers to', where)
        elif value is _NO_KEY:
            similar = self._unknown_alias(name, where)
            value, size = self._anchors.get(similar or "", (_NO_KEY, 0))
        if value is _OPEN or value is _NO_KEY:
            value = {} if self._top is not None and self._top.key is _MERGE else None
        self._expand(size, where)
        self._place(value, where)

    def _unknown_alias(self, name: str, where: Extent) -> str | None:
        """Report an unknown alias; return the most similar anchor, which replaces it, or None."""
        if self._top is not None and self._wants_expression(self._top.key):
            self.collector.add("SR303", f'YAML reads "*{name}" as an alias', where, QUOTE_IT)
            return None
        similar = did_you_mean(name, self._anchors)
        message = f'unknown alias "*{name}": no earlier anchor has this name'
        suggestion = f"*{similar}" if similar else None
        self.collector.add("SR007", message, where, f"define an anchor with &{name}", suggestion)
        return similar

    def _expand(self, size: int, where: Extent) -> None:
        # Every later step walks the expanded data, so without a limit a small alias bomb would take days.
        self._count += size
        self._expanded += size
        if self._expanded > MAX_EXPANSION:
            self.collector.abort("SR008", f"aliases expand to more than {MAX_EXPANSION:,} values", where)

    # Mappings and lists

    def _open_mapping(self, event: yaml.MappingStartEvent) -> None:
        self._open({}, event)

    def _open_list(self, event: yaml.SequenceStartEvent) -> None:
        self._open([], event)

    def _open(self, data: Any, event: Any) -> None:
        self._count += 1
        if event.tag not in _CORE_TAGS:
            self._scalars.unknown_tag(event, event.tag, wants_expression=False)
        if len(self._stack) >= MAX_DEPTH:
            self.collector.abort("SR011", TOO_DEEP, extent(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = (_OPEN, 0)
        self._top = _Frame(data, event.anchor, event.start_mark.index, self._count)
        self._stack.append(self._top)

    def _close(self, event: yaml.Event) -> None:
        frame = self._stack.pop()
        for value, where in frame.merged:
            self._merge(frame, value, where)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, self._count - frame.count + 1)
        self._top = self._stack[-1] if self._stack else None
        self._place(frame.data, (frame.start, extent(event)[1]))

    def _merge(self, frame: _Frame, value: Any, where: Extent) -> None:
        grown = merge(frame.data, value)
        if grown is None:
            advice = "merge an anchor: <<: *common"
            self.collector.add("SR014", '"<<" must be a mapping or a list of mappings', where, advice)
        else:
            self._expand(grown, where)

    def _is_item(self) -> bool:
        return len(self._stack) > 1 and type(self._stack[-2].data) is list

    # Where a value goes

    def _place(self, value: Any, where: Extent) -> None:
        top = self._top
        if top is None:
            self.root, self.root_start = value, where[0]
        elif type(top.data) is list:
            top.data.append(value)
        elif top.key is _NO_KEY:
            self._take_key(top, value, where)
        else:
            self._take_value(top, value, where)

    def _take_value(self, top: _Frame, value: Any, where: Extent) -> None:
        if top.key is _MERGE:
            top.merged.append((value, where))
        else:
            top.data[top.key] = value
        top.key = _NO_KEY

    def _take_key(self, top: _Frame, key: Any, where: Extent) -> None:
        if type(key) is not str and key is not _MERGE:
            key = report_key(self.collector, key, where)
        if where[1] > where[0] > 0 and self.file.text[where[0] - 1] == "?":
            self._report_missing_question_mark(where)
        if key in top.keys and not top.begins_anew:
            self._duplicate(top, key, where)
        top.keys[key] = where[0]
        top.key = key

    def _report_missing_question_mark(self, where: Extent) -> None:
        # A filter of [?...] is parsed as a list, which is reported as a whole.
        if not any(self._wants_expression(frame.key) for frame in self._stack):
            report_dropped_question_mark(self.collector, where)

    def _duplicate(self, top: _Frame, key: Any, where: Extent) -> None:
        line = self.file.position(top.keys[key])[0]
        name = "<<" if key is _MERGE else key
        advice = "merge several anchors with one key: <<: [*one, *two]" if key is _MERGE else None
        if key == next(iter(top.keys)) and len(top.keys) > 1 and self._is_item():
            # Probably a "- " is missing: report only this key, not the following duplicates.
            top.begins_anew = True
            advice = f'if a new item starts here, write "- {name}:"'
        message = f'duplicate key "{name}": first used on line {line}'
        self.collector.add("SR006", message, where, advice)
