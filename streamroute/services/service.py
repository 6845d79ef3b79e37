"""A service: the consumer of one stream, and the pipelines of its entries."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.core.observer import ObserverSwitch, ignore_result
from streamroute.core.processor import RedisStreamProcessor, ignore_stuck
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.services.consumer_names import unused_name
from streamroute.stream_pipeline import Pipeline, StreamPipelines

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import StreamConfig
    from streamroute.core.consume.pool.key_ordering import KeyOf
    from streamroute.core.recording.stream_recorder import StreamRecorder
    from streamroute.core.tracing import Tracing

_BATCH: Final = 500  # entries in one read: five times as fast as ten
_BLOCK: Final = 30.0  # seconds that a read waits; a drain ends it sooner
_PREFETCH: Final = 0.1  # seconds of work to prefetch; other workers cannot take it


def keep_serving(_stream: str) -> None:
    """Default for ``on_stuck``: the stream continues with one worker less."""


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One served stream: its consumer, and the pipelines of its entries."""

    config: StreamConfig
    pipelines: StreamPipelines
    processor: RedisStreamProcessor
    storage: RedisStreamStorage

    def adjusted(self, pipeline: Pipeline) -> Service:
        """Decode by the pipeline from now on, with what a running consumer can change of its settings."""
        stream = pipeline.stream
        self.processor.resize(stream.concurrency)
        self.storage.keep_for(stream.trim)
        self.pipelines.use(pipeline)
        return replace(self, config=stream)


def record_nothing(_stream: str) -> None:
    """Default: the runs of no stream are measured."""


@dataclass(frozen=True, slots=True)
class ServiceBuilder:
    """What all services of a process share.

    ``consumer`` is the name of their consumers. ``observer`` is called with the outcome of each message,
    ``incidents`` reports other events of the streams. ``on_stuck`` is called with the name of a stream that
    has a stuck handler, if the stream is configured with ``on_stuck: exit``. ``tracing`` gives messages and
    handlers spans (None: they are not traced). ``recorder`` returns what measures the runs of a stream's
    routes, if anything.
    """

    connection: RedisConnection
    consumer: str
    observer: ObserverSwitch = field(default_factory=lambda: ObserverSwitch(ignore_result))
    incidents: Incidents = LOG_ONLY
    on_stuck: Callable[[str], None] = keep_serving
    tracing: Tracing | None = None
    recorder: Callable[[str], StreamRecorder | None] = record_nothing

    def build(self, pipeline: Pipeline, used_names: Collection[str] = ()) -> Service:
        """Build the consumer of one stream, which passes its entries to the pipeline.

        ``used_names`` are those of other consumers of the stream in this process.
        """
        stream = pipeline.stream
        storage = RedisStreamStorage(
            self.connection.client,
            lease=stream.lease,
            stall=stream.stall,
            formerly_group=stream.formerly_group,
            block=_BLOCK,
            dead_letter=stream.dead_letter,
            trim=stream.trim,
            incidents=self.incidents,
        )
        processor = RedisStreamProcessor(
            storage,
            stream.name,
            stream.group,
            unused_name(self.consumer, used_names),
            batch_count=_BATCH,
            prefetch=_PREFETCH,
            order_by=_order_key(stream),
            concurrency=stream.concurrency,
            lease=stream.lease,
            claim_interval=stream.claim_interval,
            max_deliveries=stream.max_deliveries,
            grace=stream.grace,
            observer=self.observer,
            incidents=self.incidents,
            on_stuck=partial(self.on_stuck, stream.name) if stream.on_stuck == "exit" else ignore_stuck,
        )
        pipelines = StreamPipelines(storage, pipeline)
        processor.set_message_callback(pipelines.process_message, pipelines.known_routes)
        return Service(stream, pipelines, processor, storage)


def _order_key(stream: StreamConfig) -> KeyOf | None:
    if stream.order_by is None:
        return None
    from streamroute.compiler.runtime.ordering_key import order_key

    return order_key(stream.order_by)
