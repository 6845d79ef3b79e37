"""A service: the consumer of one stream, and the pipelines of its entries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from streamroute.adapters.stream.publishers import publishers_by_stream
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.core.observer import ObserverSwitch, ignore_result
from streamroute.core.processor import RedisStreamProcessor, ignore_stuck
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.services.consumer_names import unused_name
from streamroute.stream_pipeline import Pipeline, StreamPipelines

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.adapters.entries.entry_pipeline import EntryPipeline
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import StreamConfig
    from streamroute.core.consume.pool.key_ordering import KeyOf
    from streamroute.core.recording.stream_recorder import StreamRecorder
    from streamroute.core.storage import StreamStorageProtocol
    from streamroute.core.tracing import Tracing
    from streamroute.handlers.forward import Publishers

_BATCH: Final = 500  # entries in one read: five times as fast as ten
BLOCK: Final = 30.0
"""Seconds that a read waits; a drain ends it sooner."""
_PREFETCH: Final = 0.1  # seconds of work to prefetch; other workers cannot take it


def keep_serving(_stream: str) -> None:
    """Default for ``on_stuck``: the stream continues with one worker less."""


class ServiceStorage(Protocol):
    """The storage of a service, beside what a processor needs of it."""

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Create the group if it is missing."""
        ...

    def use(self, pipeline: EntryPipeline) -> None:
        """Decode entries by ``pipeline`` from now on."""
        ...

    def keep_for(self, seconds: float | None) -> None:
        """Keep entries for ``seconds`` after every group has finished with them (None: forever)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One served stream: its consumer, and the pipelines of its entries."""

    config: StreamConfig
    pipelines: StreamPipelines
    processor: RedisStreamProcessor
    storage: ServiceStorage

    def adjusted(self, pipeline: Pipeline) -> Service:
        """Decode by the pipeline from now on, with what a running consumer can change of its settings."""
        stream = pipeline.stream
        self.processor.resize(stream.concurrency)
        self.storage.keep_for(stream.trim)
        self.pipelines.use(pipeline)
        return replace(self, config=stream)


def record_nothing(_stream: str) -> None:
    """Default: the runs of no stream are measured."""


class ServiceFactory(ABC):
    """Builds the services of a process, on the storages that a subclass opens.

    ``consumer`` is the name of their consumers. ``observer`` is called with the outcome of each message,
    ``incidents`` reports other events of the streams. ``on_stuck`` is called with the name of a stream that
    has a stuck handler, if the stream is configured with ``on_stuck: exit``. ``tracing`` gives messages and
    handlers spans (None: they are not traced). ``recorder`` returns what measures the runs of a stream's
    routes, if anything. An ack waits ``ack_delay`` seconds for others.
    """

    __slots__ = ()

    ack_delay: ClassVar[float] = 0.005

    consumer: str
    observer: ObserverSwitch
    incidents: Incidents
    on_stuck: Callable[[str], None]
    tracing: Tracing | None
    recorder: Callable[[str], StreamRecorder | None]

    @abstractmethod
    def storage(self, stream: StreamConfig) -> Any:
        """Return a new storage for one stream: a ``ServiceStorage`` and a ``StreamStorageProtocol``."""

    @abstractmethod
    def publishers(self, codecs: Mapping[str, Codec | str]) -> Publishers:
        """Return a function from a stream's name to what writes to it, in its codec."""

    def build(self, pipeline: Pipeline, used_names: Collection[str] = ()) -> Service:
        """Build the consumer of one stream, which passes its entries to the pipeline.

        ``used_names`` are those of other consumers of the stream in this process.
        """
        stream = pipeline.stream
        storage = self.storage(stream)
        processor = self._processor(storage, stream, unused_name(self.consumer, used_names))
        pipelines = StreamPipelines(storage, pipeline)
        processor.set_message_callback(pipelines.process_message, pipelines.known_routes)
        return Service(stream, pipelines, processor, storage)

    def _processor(
        self, storage: StreamStorageProtocol, stream: StreamConfig, consumer: str
    ) -> RedisStreamProcessor:
        return RedisStreamProcessor(
            storage,
            stream.name,
            stream.group,
            consumer,
            batch_count=_BATCH,
            prefetch=_PREFETCH,
            order_by=_order_key(stream),
            concurrency=stream.concurrency,
            lease=stream.lease,
            claim_interval=stream.claim_interval,
            max_deliveries=stream.max_deliveries,
            grace=stream.grace,
            ack_delay=self.ack_delay,
            observer=self.observer,
            incidents=self.incidents,
            on_stuck=partial(self.on_stuck, stream.name) if stream.on_stuck == "exit" else ignore_stuck,
        )


@dataclass(frozen=True, slots=True)
class ServiceBuilder(ServiceFactory):
    """Builds services that consume the streams of a Redis server, through ``connection``."""

    connection: RedisConnection
    consumer: str
    observer: ObserverSwitch = field(default_factory=lambda: ObserverSwitch(ignore_result))
    incidents: Incidents = LOG_ONLY
    on_stuck: Callable[[str], None] = keep_serving
    tracing: Tracing | None = None
    recorder: Callable[[str], StreamRecorder | None] = record_nothing

    def storage(self, stream: StreamConfig) -> RedisStreamStorage:
        """Return a new storage for one stream of the server."""
        return RedisStreamStorage(
            self.connection.client,
            lease=stream.lease,
            stall=stream.stall,
            formerly_group=stream.formerly_group,
            block=BLOCK,
            dead_letter=stream.dead_letter,
            trim=stream.trim,
            incidents=self.incidents,
        )

    def publishers(self, codecs: Mapping[str, Codec | str]) -> Publishers:
        """Return a function from a stream's name to its publisher on the server."""
        return publishers_by_stream(self.connection, codecs)


def _order_key(stream: StreamConfig) -> KeyOf | None:
    if stream.order_by is None:
        return None
    from streamroute.compiler.runtime.ordering_key import order_key

    return order_key(stream.order_by)
