"""Publishes events to an in-memory server, and remembers them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from streamroute.adapters.memory.delayed import Delayed
from streamroute.adapters.memory.server import MemoryServer
from streamroute.errors import SetupError
from streamroute.publishing.checked_encoder import CheckedEncoder
from streamroute.publishing.event_writer import ID_TTL
from streamroute.publishing.settings import PublishSettings

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.publishing.event import Event


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event that a test has published: the id of its entry (empty: it is delayed), and its raw fields."""

    stream: str
    id: str
    fields: Mapping[bytes, bytes]


class EventLog:
    """All events that a test has published, in order."""

    def __init__(self, server: MemoryServer, compiled: Compiled) -> None:
        self.published: list[PublishedEvent] = []
        self._server = server
        self._settings = PublishSettings(compiled.document, compiled.codecs)
        self._encoder = cache(partial(CheckedEncoder, self._settings))
        self._ids: dict[tuple[str, str], tuple[float, str]] = {}
        self._numbers = itertools.count(1)

    def stream_of(self, stream: str | None) -> str:
        """Return the stream, or the only one; raises SetupError if there are others, or no such stream."""
        if stream is not None:
            return self._settings.stream(stream).name
        streams = list(self._settings.document.streams)
        if len(streams) != 1:
            raise SetupError(f"name the stream to publish to: {', '.join(streams) or 'there is none'}")
        return streams[0]

    def publish(self, stream: str, event: Event, *, validate: bool = False) -> str:
        """Publish an event as ``Publisher.publish`` does; returns the id of its entry, or of the delay."""
        entry = self._encoder(stream).encode(event, validate=validate)
        known = None if entry.id is None else self._ids.get((stream, entry.id))
        if known is not None and self._server.clock() < known[0]:
            return known[1]
        fields = dict(zip(entry.fields[::2], entry.fields[1::2], strict=True))
        published = self.add(stream, fields, entry.delay)
        if entry.id is not None:
            self._ids[stream, entry.id] = (self._server.clock() + ID_TTL, published)
        return published

    def add(self, stream: str, fields: Mapping[bytes, bytes], delay: float | None = None) -> str:
        """Append an entry of raw fields, now or after ``delay`` seconds."""
        if delay:
            name = f"event-{next(self._numbers)}"
            self._server.delay(stream, name, Delayed(self._server.clock() + delay, stream, fields))
            self.published.append(PublishedEvent(stream, "", fields))
            return name
        entry_id = self._server.append(stream, fields)
        self.published.append(PublishedEvent(stream, entry_id, fields))
        return entry_id
