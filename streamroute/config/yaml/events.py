"""YAML events, from libyaml if PyYAML was built with it, else from PyYAML's own parser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, cast

import yaml


class _Parser(Protocol):
    def get_event(self) -> yaml.Event | None: ...


def _parser(text: str) -> _Parser:
    # A loader is also a parser; its type stubs do not declare that it accepts a str.
    factory: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return cast("_Parser", factory(text))


def events(text: str) -> Iterator[yaml.Event]:
    """Yield every event of the text; raises yaml.YAMLError if it is not YAML."""
    next_event = _parser(text).get_event
    while (event := next_event()) is not None:
        yield event


def extent(event: Any) -> tuple[int, int]:
    """Return the offsets of the event's start and end, the end exclusive."""
    return event.start_mark.index, event.end_mark.index
