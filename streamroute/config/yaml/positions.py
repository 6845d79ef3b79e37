"""The source positions of a file's values: a tree that is built only when a finding needs a position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from streamroute.config.findings.text_file import Step
from streamroute.config.yaml.events import events, extent


@dataclass(slots=True)
class YamlNode:
    """A value, or an alias, from offset ``start`` up to ``end``.

    ``value`` is a scalar's text as YAML reads it; ``pairs`` are the keys and values of a mapping, including
    ``<<``; ``items`` are the items of a list.
    """

    start: int
    end: int
    style: str = ""
    value: str | None = None
    pairs: list[tuple[YamlNode, YamlNode]] | None = None
    items: list[YamlNode] | None = None
    target: YamlNode | None = field(default=None, repr=False)
    _keys: _MappingKeys | None = field(default=None, repr=False)

    @property
    def content(self) -> YamlNode:
        """The target of an alias; any other node itself."""
        return self.target or self

    def child(self, step: Step) -> tuple[YamlNode, YamlNode] | None:
        """Return the key and value one step down, or None; a list item is its own key."""
        node = self.content
        if node.pairs is not None:
            return node.keys.find(str(step))
        if node.items is not None and isinstance(step, int) and step < len(node.items):
            return node.items[step], node.items[step]
        return None

    @property
    def keys(self) -> _MappingKeys:
        """The keys of a mapping."""
        if self._keys is None:
            self._keys = _MappingKeys(self.pairs or [])
        return self._keys


class _MappingKeys:
    """A mapping's own keys (the last of duplicates) and the mappings that it merges."""

    def __init__(self, pairs: Sequence[tuple[YamlNode, YamlNode]]) -> None:
        merges = [value.content for key, value in pairs if _is_merge(key)]
        self._own = {pair[0].value: pair for pair in pairs if not _is_merge(pair[0])}
        self._merged = [source for content in merges for source in content.items or [content]]

    def find(self, name: str) -> tuple[YamlNode, YamlNode] | None:
        """Return the key and value, or None; own keys take precedence over merged ones."""
        entry = self._own.get(name)
        if entry is None:
            entry = next(filter(None, (source.child(name) for source in self._merged)), None)
        return entry


def _is_merge(key: YamlNode) -> bool:
    return key.value == "<<" and key.style == "plain"


def build_nodes(text: str) -> YamlNode:
    """Build the node tree of a text that was read without errors."""
    return _Marker(text).build()


class _Marker:
    def __init__(self, text: str) -> None:
        self._text = text
        self._anchors: dict[str, YamlNode] = {}
        self._open: list[tuple[YamlNode, list[YamlNode]]] = []
        self._root = YamlNode(0, 0)

    def build(self) -> YamlNode:
        for event in events(self._text):
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._anchored(event, _scalar(event)))
            elif isinstance(event, yaml.AliasEvent):
                self._add(YamlNode(*extent(event), target=self._anchors.get(str(event.anchor))))
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._open.append((self._anchored(event, _collection(event)), []))
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._close(event)
        return self._root

    def _anchored(self, event: Any, mark: YamlNode) -> YamlNode:
        if event.anchor is not None:
            self._anchors[event.anchor] = mark
        return mark

    def _add(self, mark: YamlNode) -> None:
        if self._open:
            self._open[-1][1].append(mark)
        else:
            self._root = mark

    def _close(self, event: yaml.Event) -> None:
        mark, children = self._open.pop()
        if mark.pairs is not None:
            mark.pairs.extend(zip(children[::2], children[1::2], strict=True))
        else:
            mark.items = children
        # The end event of a block collection is positioned before the next token, perhaps lines below.
        mark.end = extent(event)[1] if mark.style == "flow" else _end(children, mark.start)
        self._add(mark)


def _end(children: Sequence[YamlNode], start: int) -> int:
    return children[-1].end if children else start


def _scalar(event: yaml.ScalarEvent) -> YamlNode:
    plain = event.style in {"", None}
    return YamlNode(*extent(event), style="plain" if plain else str(event.style), value=event.value)


def _collection(event: Any) -> YamlNode:
    style = "flow" if event.flow_style else "block"
    if isinstance(event, yaml.MappingStartEvent):
        return YamlNode(*extent(event), style=style, pairs=[])
    return YamlNode(*extent(event), style=style)
