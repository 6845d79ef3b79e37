"""YAML's events, from libyaml where PyYAML has it, else from PyYAML's own parser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, cast

import yaml


class _Parser(Protocol):
    def get_event(self) -> yaml.Event | None: ...


def _parser(text: str) -> _Parser:
    # A loader is a parser too; its stubs hide that it takes a text alone.
    factory: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return cast("_Parser", factory(text))


def events(text: str) -> Iterator[yaml.Event]:
    """Every event of the text; raises yaml.YAMLError where it is not YAML."""
    next_event = _parser(text).get_event
    while (event := next_event()) is not None:
        yield event


def extent(event: Any) -> tuple[int, int]:
    """Offsets of the event's first character, and behind its last."""
    return event.start_mark.index, event.end_mark.index
