"""The composition root: run the consumers of a checked configuration, and drain them at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from streamroute.adapters.groups.abandoned import OtherGroups
from streamroute.adapters.groups.acl_check import require_permissions
from streamroute.adapters.groups.backlog import Backlog
from streamroute.adapters.groups.key_type_check import require_key_types
from streamroute.adapters.groups.rename_watch import CHECK_EVERY, GroupWatch, watch_groups
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.stream.publisher import Publisher
from streamroute.compiler.runtime.thread_pool import handler_threads
from streamroute.core.observer import Observer, ignore_result
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.handlers.webhooks import close_webhooks
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.keys import GroupKeys
from streamroute.services import consumer_names
from streamroute.services.generation import ContainerLimits, Generation, open_generation, served_streams
from streamroute.services.old_generations import OldGenerations
from streamroute.services.prepared import PreparedGeneration
from streamroute.services.service import Service, ServiceBuilder, keep_serving
from streamroute.services.stream_changes import changed_settings

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document, StreamConfig

_AT_ONCE: Final = 64  # streams that start concurrently
_PATIENCE: Final = 30.0  # seconds for opening or closing a container while messages are processed
_STALL_SHARE: Final = 3  # a container may block the event loop for a third of the shortest ``stall``


class App:
    """All consumers of one configuration, on one Redis client.

    A new configuration is prepared beside the running one (``prepare``) and replaces it in one step
    (``commit``). Messages that were decoded before end on the configuration that decoded them.
    """

    def __init__(self, builder: ServiceBuilder, generation: Generation, consumer: str) -> None:
        self._builder = builder
        self._redis = builder.connection
        self._current = generation
        self._old = OldGenerations(self._in_flight, self._container_limits())
        self._prepared: PreparedGeneration | None = None
        self._is_preparing = False
        self.services = {
            name: builder.build(pipeline.document.streams[name], pipeline, consumer)
            for name, pipeline in generation.pipelines.items()
        }
        self._watches = {
            name: _watch(self._redis, service.config, _routes(generation.document, name))
            for name, service in self.services.items()
        }
        self._looking: asyncio.Task[None] | None = None

    @property
    def generation(self) -> str:
        """The name of the configuration that decodes messages now."""
        return self._current.name

    @property
    def document(self) -> Document:
        """The configuration that decodes messages now."""
        return self._current.document

    def old_generations(self) -> list[tuple[str, int]]:
        """Return the replaced generations that are in use, oldest first, with their messages in flight."""
        return self._old.names()

    def publisher(self, stream: str) -> Publisher:
        """Return a publisher for one of the streams, in its codec."""
        return Publisher(self._redis, stream, self.services[stream].pipelines.current.codec)

    def backlog(self, stream: str) -> Backlog:
        """Return the backlog of the stream's group."""
        return Backlog(self._redis, stream, self.services[stream].config.group)

    def running(self) -> dict[str, int]:
        """Return the number of running handlers by stream; may be called from any thread."""
        return {stream: service.processor.running for stream, service in self.services.items()}

    def stuck(self) -> dict[str, int]:
        """Return the number of workers with stuck handlers by stream; may be called from any thread."""
        return {stream: service.processor.stuck for stream, service in self.services.items()}

    def stopped_canaries(self) -> dict[str, dict[str, int]]:
        """Return by stream and route whether a canary is switched off (1), or not (0); for any thread."""
        return {
            stream: {canary.name: int(canary.is_stopped) for canary in service.pipelines.current.canaries}
            for stream, service in self.services.items()
            if service.pipelines.current.canaries
        }

    async def prepare(self, document: Document, compiled: Compiled) -> PreparedGeneration:
        """Build a generation beside the running one: container, routes, pipelines.

        ``compiled`` has no errors. Waits while as many old generations as may live are in use. Pass the
        result to ``commit`` or to ``discard`` before the next call. After a cancellation nothing is left.

        Raises SetupError if the container cannot be opened in 30 seconds.
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
        await self._old.wait_for_room()
        _require_same_consumers(self.document, document)
        generation = await open_generation(self._builder, document, compiled, self._container_limits())
        return PreparedGeneration(generation)

    def commit(self, prepared: PreparedGeneration) -> None:
        """Decode messages by the prepared generation from now on; it cannot fail, and waits for nothing.

        The generation before is freed, and its container closed, when its last message has ended.
        """
        self._prepared, self._is_preparing = None, False
        before, self._current = self._current, prepared.generation
        for name, pipeline in prepared.generation.pipelines.items():
            self.services[name].pipelines.use(pipeline)
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
            await _for_each_service(self._check_server, self.services.values())
            await _for_each_service(self._start, self.services.values())
            await _for_each_service(self._warn_about_other_groups, self.services.values())
        except BaseException:
            await self.stop()
            raise
        self._looking = asyncio.create_task(watch_groups([*self._watches.values()], check_groups_every))

    async def _start(self, service: Service) -> None:
        with translate_errors(self._redis, f"consuming {service.config.name}"):
            await service.processor.start_listening()

    async def _warn_about_other_groups(self, service: Service) -> None:
        await self._watches[service.config.name].check_at_start()

    async def _check_server(self, service: Service) -> None:
        stream = service.config
        keys = GroupKeys.of(stream.name, stream.group, stream.dead_letter)
        # If the server is unreachable now, the consumer's own start retries and reports it.
        with suppress(RedisUnavailableError):
            await require_permissions(self._redis, keys)
            await require_key_types(self._redis, keys)

    async def stop(self) -> None:
        """Drain all consumers concurrently; each lets running handlers finish within its grace period."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        stopping = (service.processor.stop_listening() for service in self.services.values())
        await asyncio.gather(*stopping)

    async def close(self) -> None:
        """Stop, and close the containers of all generations.

        Raises SetupError if the container of the current generation cannot be closed.
        """
        await self.stop()
        if self._prepared is not None:
            await self.discard(self._prepared)
        await self._old.close()
        await self._current.container.close()

    def _in_flight(self, generation: Generation) -> dict[str, int]:
        """Return how many messages of a generation are in flight, by stream."""
        counts = {
            name: self.services[name].processor.in_flight_of(pipeline)
            for name, pipeline in generation.pipelines.items()
        }
        return {name: count for name, count in counts.items() if count}

    def _container_limits(self) -> ContainerLimits:
        """Return the limits for containers while messages are processed: no lease may end meanwhile."""
        stalls = [stream.stall for stream in served_streams(self._current.document)]
        return ContainerLimits(_PATIENCE, min([_PATIENCE, *(stall / _STALL_SHARE for stall in stalls)]))


def _require_same_consumers(old: Document, new: Document) -> None:
    """Raise SetupError if consumers would have to be started, stopped or replaced."""
    before, after = ({stream.name: stream for stream in served_streams(each)} for each in (old, new))
    for name in before.keys() | after.keys():
        if name not in before or name not in after or changed_settings(before[name], after[name]):
            raise SetupError(f"the consumer of {name} would change; restart to apply this")


def _watch(connection: RedisConnection, stream: StreamConfig, routes: Collection[str]) -> GroupWatch:
    others = OtherGroups(connection, stream.name, stream.group, routes)
    return GroupWatch(stream.name, others, stream.formerly_group)


def _routes(document: Document, stream: str) -> list[str]:
    return [route.name for route in document.served(stream)]


async def _for_each_service(act: Callable[[Service], Awaitable[None]], services: Iterable[Service]) -> None:
    """Act on all services concurrently; when all have ended, raise the first error in service order."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def act_on(service: Service) -> None:
        async with at_once:
            await act(service)

    for result in await asyncio.gather(*map(act_on, services), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


@asynccontextmanager
async def open_app(
    connection: RedisConnection,
    document: Document,
    compiled: Compiled,
    *,
    observer: Observer = ignore_result,
    incidents: Incidents = LOG_ONLY,
    on_stuck: Callable[[str], None] = keep_serving,
) -> AsyncIterator[App]:
    """Yield the app of a checked configuration, not yet started; stop it on exit.

    ``observer`` is called with the outcome of each message, ``incidents`` reports other events of the
    streams. ``on_stuck`` is called with the name of a stream that has a stuck handler, if the stream is
    configured with ``on_stuck: exit``.

    Raises SetupError if the container cannot be created or, on exit, closed.
    """
    builder = ServiceBuilder(connection, observer, incidents, on_stuck)
    concurrency = sum(stream.concurrency for stream in served_streams(document))
    with handler_threads(concurrency):
        generation = await open_generation(builder, document, compiled)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(generation.container.close)
            app = App(builder, generation, consumer_names.consumer_name())
            stack.push_async_callback(close_webhooks)
            stack.push_async_callback(app.close)
            yield app
