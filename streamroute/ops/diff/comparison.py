"""Compares two configurations: events are added one by one, and the differences counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.config.document import RouteConfig
from streamroute.ops.diff.changes import ConfigDiff, EventChanges, RouteDiff, StreamDiff
from streamroute.ops.diff.examples import Examples
from streamroute.ops.diff.pairs import pair_routes
from streamroute.ops.diff.settings import document_changes, route_changes, stream_changes
from streamroute.ops.diff.side import Side
from streamroute.ops.diff.stream_comparison import StreamComparison

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document


class ConfigComparison:
    """Compares two configurations over events that are added one by one, in constant memory.

    ``stream`` is that of all events; None if they are plain events, each of which belongs to the only stream
    whose routes list its type, or to any.
    """

    def __init__(self, old: Compiled, new: Compiled, stream: str | None, examples: Examples) -> None:
        self._old, self._new = old, new
        self._stream = stream
        self._examples = examples
        self._events = 0
        pairs = pair_routes(_routes(old), _routes(new))
        documents = old.document, new.document
        self._routes = [
            RouteDiff(pair, route_changes(pair, *documents, stream))
            for pair in pairs
            if stream is None or any(route is not None and stream in route.streams for route in pair)
        ]
        self._streams = _stream_diffs(*documents)
        self._by_stream: dict[str | None, StreamComparison] = {}
        self._stream_of_type = _streams_by_type(old, new)

    def add_entry(self, label: str, parts: list[bytes]) -> None:
        """Compare an entry of the stream: alternating names and values, as the server sent them."""
        self._events += 1
        self._comparison(self._stream).add_entry(label, parts)

    def add_event(self, label: str, event: Mapping[str, Any]) -> None:
        """Compare an event that would be published; raises EncodeError if it cannot be an entry."""
        self._events += 1
        self._comparison(self._stream or self._stream_for(event)).add_event(label, event)

    def result(self) -> ConfigDiff:
        """Return the differences of all events so far."""
        settings = document_changes(self._old.document, self._new.document)
        return ConfigDiff(self._routes, list(self._streams.values()), settings, self._events)

    def _stream_for(self, event: Mapping[str, Any]) -> str | None:
        streams = self._stream_of_type.get(event["type"]) if isinstance(event.get("type"), str) else None
        names = streams or self._streams
        return next(iter(names)) if len(names) == 1 else None

    def _comparison(self, stream: str | None) -> StreamComparison:
        if stream not in self._by_stream:
            sides = Side(self._old, stream), Side(self._new, stream)
            events = EventChanges() if stream is None else self._streams[stream].events
            self._by_stream[stream] = StreamComparison(*sides, self._routes, events, self._examples)
        return self._by_stream[stream]


def _routes(compiled: Compiled) -> list[RouteConfig]:
    return [route.config for route in compiled.routes]


def _streams_by_type(old: Compiled, new: Compiled) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for route in (*_routes(old), *_routes(new)):
        for name in route.types:
            found[name] = found.get(name, _NONE).union(route.streams)
    return found


_NONE: Final[frozenset[str]] = frozenset()


def _stream_diffs(old: Document, new: Document) -> dict[str, StreamDiff]:
    found = {}
    for name in {**new.streams, **old.streams}:
        before, after = old.streams.get(name), new.streams.get(name)
        changes = [] if before is None or after is None else stream_changes(before, after)
        found[name] = StreamDiff(name, before is not None, after is not None, changes)
    return found
