"""The composition root: run the consumers of a checked configuration, and drain them at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from streamroute.adapters.groups.backlog import Backlog
from streamroute.adapters.groups.renaming.rename_watch import CHECK_EVERY
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.compiler.pipeline import cold_changes
from streamroute.compiler.runtime.thread_pool import handler_threads
from streamroute.core.observer import Observer, ObserverSwitch, ignore_result
from streamroute.errors import SetupError
from streamroute.handlers.webhooks import webhook_connections
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.services import consumer_names
from streamroute.services.generation import ContainerLimits, Generation, open_generation, served_streams
from streamroute.services.group_watches import GroupWatches
from streamroute.services.old_generations import OldGenerations
from streamroute.services.prepared import PreparedGeneration
from streamroute.services.running_services import RunningServices, for_each
from streamroute.services.server_checks import create_group, require_usable_keys
from streamroute.services.service import Service, ServiceBuilder, keep_serving, record_nothing
from streamroute.services.stream_changes import needs_another_consumer

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document
    from streamroute.core.recording.stream_recorder import StreamRecorder
    from streamroute.core.tracing import Tracing

_PATIENCE: Final = 30.0  # seconds for opening or closing a container while messages are processed
_STALL_SHARE: Final = 3  # a container may block the event loop for a third of the shortest ``stall``


HandlerThreads = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Opens threads for so many handlers at once; yields a function that sets another number."""


class App:
    """All consumers of one configuration, on one Redis client.

    A new configuration is prepared beside the running one (``prepare``) and replaces it in one step
    (``commit``). Messages that were decoded before end on the configuration that decoded them.
    ``resize_threads`` is called with the number of handlers that may run at once. ``observing`` is called
    with the outcome of each message, and may be switched to another observer.
    """

    def __init__(
        self,
        builder: ServiceBuilder,
        generation: Generation,
        resize_threads: Callable[[int], None],
    ) -> None:
        self.observing = builder.observer
        self._builder = builder
        self._redis = builder.connection
        self._current = generation
        self._set_threads = resize_threads
        services = {name: builder.build(pipeline) for name, pipeline in generation.pipelines.items()}
        self._running = RunningServices(
            self._redis, services, self._warn_about_other_groups, self._resize_threads
        )
        self._old = OldGenerations(self._running.in_flight, self._container_limits())
        self._prepared: PreparedGeneration | None = None
        self._is_preparing = False
        self._watches = GroupWatches(self._redis)
        self._watches.use(generation)
        self._watching: asyncio.Task[None] | None = None

    @property
    def services(self) -> Mapping[str, Service]:
        """The services of the current configuration by stream; may be read from any thread."""
        return self._running.current

    def all_services(self) -> list[Service]:
        """Return the services, and the replaced ones whose handlers still run; for any thread."""
        return self._running.all

    @property
    def generation(self) -> str:
        """The name of the configuration that decodes messages now; may be read from any thread."""
        return self._current.name

    @property
    def document(self) -> Document:
        """The configuration that decodes messages now."""
        return self._current.document

    def old_generations(self) -> list[tuple[str, int]]:
        """Return the replaced generations that are in use, oldest first, with their messages in flight.

        May be called from any thread.
        """
        return self._old.names()

    def publisher(self, stream: str) -> StreamPublisher:
        """Return a publisher for one of the streams, in its codec."""
        return StreamPublisher(self._redis, stream, self.services[stream].pipelines.current.codec)

    def backlog(self, stream: str) -> Backlog:
        """Return the backlog of the stream's group."""
        return Backlog(self._redis, stream, self.services[stream].config.group)

    def running(self) -> dict[str, int]:
        """Return the number of running handlers by stream; may be called from any thread."""
        return self._running.running()

    def running_routes(self) -> dict[str, dict[str, int]]:
        """Return the number of running handlers by stream and route; may be called from any thread."""
        return self._running.running_routes()

    def stuck(self) -> dict[str, int]:
        """Return the number of workers with stuck handlers by stream; may be called from any thread."""
        return self._running.stuck()

    def concurrency(self) -> dict[str, int]:
        """Return how many handlers may run at once, by stream; may be called from any thread.

        Includes the stuck handlers of former settings: if all workers of a stream are stuck, the number is
        that of ``stuck``.
        """
        return self._running.concurrency()

    def stopped_canaries(self) -> dict[str, dict[str, int]]:
        """Return by stream and route whether a canary is switched off (1), or not (0); for any thread."""
        return {
            stream: {canary.name: int(canary.is_stopped) for canary in service.pipelines.current.canaries}
            for stream, service in self.services.items()
            if service.pipelines.current.canaries
        }

    async def prepare(self, document: Document, compiled: Compiled) -> PreparedGeneration:
        """Build a generation beside the running one: container, routes, consumers with new settings.

        ``compiled`` has no errors. Waits while as many old generations as may live are in use. Pass the
        result to ``commit`` or to ``discard`` before the next call. After a cancellation nothing is left.

        Raises SetupError if a setting changed that a reload cannot change, the container cannot be opened in
        30 seconds, or a new stream cannot be consumed.
        """
        if self._is_preparing:
            raise SetupError("another generation is being prepared")
        self._is_preparing = True
        try:
            self._prepared = await self._prepare(document, compiled)
        finally:
            self._is_preparing = self._prepared is not None
        return self._prepared

    async def _prepare(self, document: Document, compiled: Compiled) -> PreparedGeneration:
        if changes := cold_changes(self.document, document):
            raise SetupError("; ".join(map(str, changes)))
        await self._old.wait_for_room()
        generation = await open_generation(self._builder, document, compiled, self._container_limits())
        try:
            services = self._new_services(generation)
            await for_each(partial(require_usable_keys, self._redis), services.values())
            await for_each(partial(create_group, self._redis), services.values())
        except BaseException:
            await self._old.close_unused(generation)
            raise
        return PreparedGeneration(generation, services)

    def _new_services(self, generation: Generation) -> dict[str, Service]:
        """Build the services that the running ones cannot replace by other settings."""
        services = {}
        for name, pipeline in generation.pipelines.items():
            current = self.services.get(name)
            if current is None or needs_another_consumer(current.config, pipeline.stream):
                names = [other.processor.consumer_name for other in self._running.of(name)]
                services[name] = self._builder.build(pipeline, names)
        return services

    def commit(self, prepared: PreparedGeneration) -> None:
        """Decode messages by the prepared generation from now on; it cannot fail, and waits for nothing.

        Streams with new settings of their consumer get another one, streams that are gone are drained. The
        generation before is freed, and its container closed, when its last message has ended.
        """
        self._prepared, self._is_preparing = None, False
        before, self._current = self._current, prepared.generation
        services = {}
        for name, pipeline in self._current.pipelines.items():
            new = prepared.services.get(name)
            services[name] = new or self.services[name].adjusted(pipeline)
        self._watches.use(self._current)
        self._running.replace(services)
        self._resize_threads()
        self._old.add(before)

    async def discard(self, prepared: PreparedGeneration) -> None:
        """Close a prepared generation that is not committed."""
        self._prepared, self._is_preparing = None, False
        await self._old.close_unused(prepared.generation)

    async def start(self, *, check_groups_every: float = CHECK_EVERY) -> None:
        """Start all consumers, or none; check every so many seconds for groups that were left behind.

        Raises RedisUnavailableError or SetupError if one of them cannot start.
        """
        try:
            await for_each(partial(require_usable_keys, self._redis), self.services.values())
            await self._running.start()
            await for_each(self._warn_about_other_groups, self.services.values())
        except BaseException:
            await self.stop()
            raise
        self._watching = asyncio.create_task(self._watches.run(check_groups_every))

    async def _warn_about_other_groups(self, service: Service) -> None:
        await self._watches.check_at_start(service.config.name)

    async def stop(self) -> None:
        """Drain all consumers concurrently; each lets running handlers finish within its grace period."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._running.stop()

    async def close(self) -> None:
        """Stop, and close the containers of all generations.

        Raises SetupError if the container of the current generation cannot be closed.
        """
        try:
            await self.stop()
            if self._prepared is not None:
                await self.discard(self._prepared)
            await self._old.close()
        finally:
            await self._current.container.close()

    def _resize_threads(self) -> None:
        self._set_threads(sum(service.config.concurrency for service in self._running.all))

    def _container_limits(self) -> ContainerLimits:
        """Return the limits for containers while messages are processed: no lease may end meanwhile."""
        stalls = [service.config.stall for service in self._running.all]
        return ContainerLimits(_PATIENCE, min([_PATIENCE, *(stall / _STALL_SHARE for stall in stalls)]))


@asynccontextmanager
async def open_app(  # noqa: PLR0913 - a keyword for each seam
    connection: RedisConnection,
    document: Document,
    compiled: Compiled,
    *,
    observer: Observer = ignore_result,
    incidents: Incidents = LOG_ONLY,
    on_stuck: Callable[[str], None] = keep_serving,
    tracing: Tracing | None = None,
    recorder: Callable[[str], StreamRecorder | None] = record_nothing,
    threads: HandlerThreads = handler_threads,
) -> AsyncIterator[App]:
    """Yield the app of a checked configuration, not yet started; stop it on exit.

    ``observer`` is called with the outcome of each message, ``incidents`` reports other events of the
    streams. ``on_stuck`` is called with the name of a stream that has a stuck handler, if the stream is
    configured with ``on_stuck: exit``. ``tracing`` gives messages and handlers spans (None: they have none).
    ``recorder`` returns what measures the runs of a stream's routes. ``threads`` opens the threads of sync
    handlers: by default the loop's default executor is replaced.

    Raises SetupError if the container cannot be created or, on exit, closed.
    """
    name = consumer_names.consumer_name()
    switch = ObserverSwitch.of(observer)
    builder = ServiceBuilder(connection, name, switch, incidents, on_stuck, tracing, recorder)
    concurrency = sum(stream.concurrency for stream in served_streams(document))
    with threads(concurrency) as resize_threads:
        app = await _open(builder, document, compiled, resize_threads)
        del document, compiled  # the app keeps those of the current generation
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(webhook_connections())
            stack.push_async_callback(app.close)
            yield app


async def _open(
    builder: ServiceBuilder, document: Document, compiled: Compiled, resize_threads: Callable[[int], None]
) -> App:
    generation = await open_generation(builder, document, compiled)
    try:
        return App(builder, generation, resize_threads)
    except BaseException:
        await generation.container.close()
        raise
