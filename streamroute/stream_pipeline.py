"""A stream's pipeline: everything that one configuration contributes to processing one stream's entries.

An entry is decoded, validated, dispatched and settled by the same pipeline. A pipeline is immutable: a new
configuration gets a new pipeline, while the consumer keeps running.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from streamroute.adapters.codecs.builtin import codec_named
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.payload_redaction import HIDES_NOTHING, PayloadRedactor

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.adapters.entries.entry_pipeline import EntryPipeline
    from streamroute.compiler.compiled import Compiled
    from streamroute.compiler.trials.canaries import Canary
    from streamroute.compiler.validation.data_check import Check
    from streamroute.config.document import Document, RouteConfig, StreamConfig
    from streamroute.core.consume.entry_starter import MessageCallback
    from streamroute.core.dispatch.prefilter import Prefilter
    from streamroute.core.observer import Observer
    from streamroute.core.recording.stream_recorder import StreamRecorder
    from streamroute.core.router import RedisRouter
    from streamroute.core.tracing import Tracing
    from streamroute.pauses import Circuit, PauseGate
    from streamroute.values import KnownRoutes


class UsesPipeline(Protocol):
    """A storage that decodes entries by the pipeline that it was given last, and stamps their deliveries."""

    def use(self, pipeline: EntryPipeline) -> None:
        """Decode entries by ``pipeline`` from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How entries of one stream are decoded, validated and handled.

    ``generation`` identifies the configuration in dead letters. ``stream`` are the settings of the stream.
    ``checks`` validate message data, by type. ``process_message`` validates and dispatches one message:
    without checks and shadows it is the dispatcher's ``start_message``. ``canaries`` decide in the filters
    of its routes. ``redactor`` hides what the configuration shows to nobody.
    ``circuits`` pause routes that keep failing. ``prefilter`` says which new messages no route takes (None:
    each is processed).
    ``container`` may be closed when no entry of the pipeline is in flight any more
    (``RedisStreamProcessor.in_flight_of``).
    """

    generation: str
    document: Document
    stream: StreamConfig
    dispatcher: BotRedisDispatcher
    codec: Codec
    checks: Mapping[str, Check]
    container: Any
    process_message: MessageCallback
    canaries: tuple[Canary, ...] = ()
    redactor: PayloadRedactor = HIDES_NOTHING
    circuits: Mapping[str, Circuit] = field(default_factory=dict)
    prefilter: Prefilter | None = None


class StreamPipelines:
    """The pipelines of one consumer: the current one decodes, and each delivery ends on its own.

    ``process_message`` is the callback of the processor.
    """

    def __init__(self, storage: UsesPipeline, pipeline: Pipeline) -> None:
        self._storage = storage
        self._gate: PauseGate | None = None
        self.use(pipeline)

    def use_gate(self, gate: PauseGate) -> None:
        """Let the dispatchers ask this gate which routes are paused, and note what the circuits count."""
        self._gate = gate
        self.current.dispatcher.use_gate(gate)
        gate.circuits = self.current.circuits

    def use(self, pipeline: Pipeline) -> None:
        """Decode entries by ``pipeline`` from now on; entries in flight keep theirs."""
        self.current = pipeline
        if self._gate is not None:
            self.use_gate(self._gate)
        self._storage.use(pipeline)

    def process_message(self, message: Any) -> Awaitable[None] | None:
        """Validate and dispatch a message by the pipeline that decoded it."""
        pipeline: Pipeline = message.delivery.pipeline
        return pipeline.process_message(message)

    def known_routes(self) -> KnownRoutes:
        """Return the routes of the current pipeline; may be called from any thread."""
        return self.current.dispatcher.known_routes()


def build_pipeline(
    stream: StreamConfig,
    compiled: Compiled,
    routers: Iterable[RedisRouter],
    container: Any,
    observer: Observer,
    incidents: Incidents = LOG_ONLY,
    tracing: Tracing | None = None,
    recorder: StreamRecorder | None = None,
) -> Pipeline:
    """Build the pipeline of a stream, ready to dispatch; ``incidents`` reports stopped canaries.

    ``tracing`` gives each message a span (None: messages are not traced). ``recorder`` measures the runs of
    its routes.
    """
    routers = list(routers)
    canaries = _canaries(compiled, stream, routers)
    if canaries:
        from streamroute.compiler.trials.stopping import watch_canaries

        observer = watch_canaries(observer, canaries, stream.name, incidents)
    dispatcher = BotRedisDispatcher(
        retry=stream.retry,
        unknown_type=stream.unknown_type,
        group_name=stream.group,
        observer=observer,
        recorder=recorder,
    )
    for router in routers:
        dispatcher.include_router(router)
    dispatcher.setup(container)
    codec = compiled.codecs[stream.name] if stream.name in compiled.codecs else codec_named(stream.codec)
    checks = compiled.checks(stream.name)
    shadows = compiled.shadows(stream.name)
    shadowed = _shadowed(dispatcher.start_message, shadows, observer)
    process = _process_message(shadowed, codec, checks, observer)
    return Pipeline(
        generation=compiled.document.generation,
        document=compiled.document,
        stream=stream,
        dispatcher=dispatcher,
        codec=codec,
        checks=checks,
        container=container,
        process_message=process if tracing is None else tracing.trace_messages(process, stream.name),
        canaries=canaries,
        circuits=_circuits(compiled.document.served(stream.name), stream),
        redactor=PayloadRedactor(compiled.document.redact),
        # A traced message has a span, whatever happens to it.
        prefilter=_prefilter(dispatcher, checks, shadows) if tracing is None else None,
    )


def _prefilter(
    dispatcher: BotRedisDispatcher, checks: Mapping[str, Check], shadows: Sequence[RouteConfig]
) -> Prefilter:
    """Let messages be skipped, except those that are validated or watched before they reach a filter."""
    from streamroute.expressions.filters import is_pure

    watched = {message_type for route in shadows for message_type in route.types}
    return dispatcher.prefilter(is_pure, watched | checks.keys())


def _circuits(routes: Iterable[RouteConfig], stream: StreamConfig) -> dict[str, Circuit]:
    """Return when routes of a stream pause by themselves, by route."""
    from streamroute.pauses import Circuit

    settings = ((route.name, route.pause_when_on(stream)) for route in routes)
    return {name: Circuit(*when) for name, when in settings if when is not None}


def _canaries(compiled: Compiled, stream: StreamConfig, routers: Iterable[RedisRouter]) -> tuple[Canary, ...]:
    """Return the canaries in the routers of a stream."""
    if all(route.canary is None for route in compiled.document.served(stream.name)):
        return ()
    from streamroute.compiler.trials.canaries import canaries_in

    entries = (entry for router in routers for of_type in router.handlers.values() for entry in of_type)
    return canaries_in(accepts for _, accepts in entries)


def _shadowed(process: MessageCallback, routes: Sequence[RouteConfig], observer: Observer) -> MessageCallback:
    """Let the shadow routes watch each message; without any, ``process`` stays as it is."""
    if not routes:
        return process
    from streamroute.compiler.trials.shadows import ShadowedCallback

    return ShadowedCallback(process, routes, observer).process_message


def _process_message(
    process: MessageCallback, codec: Codec, checks: Mapping[str, Check], observer: Observer
) -> MessageCallback:
    if not checks:
        return process
    from streamroute.compiler.runtime.data_validation import DataValidator
    from streamroute.compiler.runtime.validating_dispatcher import ValidatingDispatcher

    return ValidatingDispatcher(process, DataValidator(checks, codec), observer).process_message
