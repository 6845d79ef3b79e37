"""Services on the in-memory storage: the same consumers, pipelines and publishers as on a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from streamroute.adapters.codecs.builtin import Codec, codec_named
from streamroute.adapters.codecs.codec_calls import encoded
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.memory.server import MemoryServer
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.observer import ObserverSwitch, ignore_result
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.services.service import BLOCK, ServiceFactory, keep_serving, record_nothing

if TYPE_CHECKING:
    from streamroute.config.document import StreamConfig
    from streamroute.core.recording.stream_recorder import StreamRecorder
    from streamroute.core.tracing import Tracing
    from streamroute.handlers.forward import Publishers


@dataclass(frozen=True, slots=True)
class MemoryServiceBuilder(ServiceFactory):
    """Builds services that consume the streams of ``server``; an ack waits for nothing."""

    ack_delay: ClassVar[float] = 0.0

    server: MemoryServer
    consumer: str = "test"
    observer: ObserverSwitch = field(default_factory=lambda: ObserverSwitch(ignore_result))
    incidents: Incidents = LOG_ONLY
    on_stuck: Callable[[str], None] = keep_serving
    tracing: Tracing | None = None
    recorder: Callable[[str], StreamRecorder | None] = record_nothing

    def storage(self, stream: StreamConfig) -> MemoryStreamStorage:
        """Return a new storage for one stream of the server."""
        return MemoryStreamStorage(
            lease=stream.lease,
            block=BLOCK,
            dead_letter=stream.dead_letter,
            trim=stream.trim,
            clock=self.server.clock,
            server=self.server,
        )

    def publishers(self, codecs: Mapping[str, Codec | str]) -> Publishers:
        """Return a function from a stream's name to its publisher in memory."""

        @cache
        def publisher(stream: str) -> MemoryPublisher:
            codec = codecs.get(stream, "json")
            return MemoryPublisher(
                self.server, stream, codec_named(codec) if isinstance(codec, str) else codec
            )

        return publisher


@dataclass(frozen=True, slots=True)
class MemoryPublisher:
    """Writes payloads to one stream of an in-memory server; see ``EventPublisher``."""

    server: MemoryServer
    stream: str
    codec: Codec

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """Encode an entry; raises EncodeError for a payload that the codec cannot write."""
        return flatten_fields(encoded(self.codec, payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """Write encoded entries in order; returns their ids."""
        return [
            self.server.append(self.stream, dict(zip(entry[::2], entry[1::2], strict=True)))
            for entry in entries
        ]
