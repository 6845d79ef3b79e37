"""Publish events over an open connection, by the streams of a configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.errors import EncodeError, PayloadError, PublishError, RedisUnavailableError, SetupError
from streamroute.publishing.checked_encoder import CheckedEncoder
from streamroute.publishing.current_trace import current_trace

if TYPE_CHECKING:
    from streamroute.adapters.entries.outgoing_entry import OutgoingEntry
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.publishing.event import Event
    from streamroute.publishing.settings import PublishSettings
    from streamroute.trace_context import TraceContext

MAX_CHUNK_EVENTS: Final = 500  # events in one round trip
MAX_CHUNK_BYTES: Final = 4 * 1024 * 1024  # bytes in one round trip, unless a single event is larger
ID_TTL: Final = 86_400.0  # seconds


class StreamTarget:
    """One stream to publish to: its encoder and its writer.

    ``ambient`` returns the trace of an event that names none.
    """

    def __init__(
        self,
        redis: RedisConnection,
        settings: PublishSettings,
        stream: str,
        ambient: Callable[[], TraceContext | None] = current_trace,
    ) -> None:
        self.encoder = CheckedEncoder(settings, stream, ambient)
        self.writer = StreamPublisher(redis, stream, self.encoder.codec)


class EventWriter:
    """Publishes events on an open connection; ``id_ttl`` is for how many seconds an id is remembered."""

    def __init__(self, redis: RedisConnection, settings: PublishSettings, *, id_ttl: float = ID_TTL) -> None:
        self._redis = redis
        self._id_ttl = id_ttl
        self.use(settings)

    def use(self, settings: PublishSettings) -> None:
        """Publish by another configuration from now on; the connection stays."""
        self._settings = settings
        self._targets: dict[str, StreamTarget] = {}

    def target(self, stream: str) -> StreamTarget:
        """Return the target of a stream; raises SetupError if the configuration does not declare it."""
        target = self._targets.get(stream) if type(stream) is str else None
        if target is None:
            target = self._targets[stream] = StreamTarget(self._redis, self._settings, stream)
        return target

    async def publish(self, stream: str, event: Event, *, validate: bool = False) -> str:
        """Publish one event; see ``Publisher.publish``."""
        target = self.target(stream)
        entry = target.encoder.encode(event, validate=validate)
        (published,) = await target.writer.publish_each([entry], remember=self._id_ttl)
        return published

    async def publish_many(
        self, stream: str, events: Iterable[Event], *, validate: bool = False
    ) -> list[str]:
        """Publish events in order; see ``Publisher.publish_many``."""
        target = self.target(stream)
        entries = await _encoded(target.encoder, events, validate=validate)
        ids: list[str] = []
        for chunk in _chunks(entries):
            try:
                ids += await target.writer.publish_each(chunk, remember=self._id_ttl)
            except (RedisUnavailableError, SetupError) as error:
                unknown = len(chunk) if isinstance(error, RedisUnavailableError) else 0
                raise _partly(error, ids, unknown, len(entries)) from error
        return ids


async def _encoded(
    encoder: CheckedEncoder, events: Iterable[Event], *, validate: bool
) -> list[OutgoingEntry]:
    """Encode all events before the first is written; the event loop goes on meanwhile."""
    entries: list[OutgoingEntry] = []
    trace = encoder.ambient()
    for index, event in enumerate(events):
        if index and index % MAX_CHUNK_EVENTS == 0:
            await asyncio.sleep(0)
        try:
            entries.append(encoder.encode_in(trace, event, validate=validate))
        except EncodeError as error:
            raise EncodeError(f"events[{index}]: {error}") from None
        except PayloadError as error:
            raise PayloadError(f"events[{index}]: {error}", error.findings) from None
    return entries


def _chunks(entries: Sequence[OutgoingEntry]) -> Iterator[Sequence[OutgoingEntry]]:
    start = size = 0
    for end, entry in enumerate(entries):
        size += entry.size
        if end > start and (end - start == MAX_CHUNK_EVENTS or size > MAX_CHUNK_BYTES):
            yield entries[start:end]
            start, size = end, entry.size
    if start < len(entries):
        yield entries[start:]


def _partly(error: Exception, ids: Sequence[str], unknown: int, total: int) -> PublishError:
    parts = [f"{error}; of {total} events, {len(ids)} are published"]
    if unknown:
        parts.append(f"{unknown} may be")
    return PublishError(", ".join(parts), ids, unknown)
