"""The composition root: run the consumers of a checked configuration, and drain them at the end."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from streamroute.adapters.groups.abandoned import OtherGroups
from streamroute.adapters.groups.acl_check import require_permissions
from streamroute.adapters.groups.backlog import Backlog
from streamroute.adapters.groups.key_type_check import require_key_types
from streamroute.adapters.groups.rename_watch import CHECK_EVERY, GroupWatch, watch_groups
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.stream.publisher import Publisher
from streamroute.adapters.stream.publishers import publishers_by_stream
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.runtime.container import open_container
from streamroute.compiler.runtime.thread_pool import handler_threads
from streamroute.core.observer import Observer, ignore_result
from streamroute.core.processor import RedisStreamProcessor, ignore_stuck
from streamroute.errors import RedisUnavailableError
from streamroute.handlers.webhooks import close_webhooks
from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.keys import GroupKeys
from streamroute.stream_pipeline import Pipeline, StreamPipelines, build_pipeline

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document, StreamConfig
    from streamroute.core.consume.pool.key_ordering import KeyOf

log = logging.getLogger(__name__)

_AT_ONCE: Final = 64  # streams that start concurrently
_BATCH: Final = 500  # entries in one read: five times as fast as ten
_BLOCK: Final = 30.0  # seconds that a read waits; a drain ends it sooner
_PREFETCH: Final = 0.1  # seconds of work to prefetch; other workers cannot take it


def keep_serving(_stream: str) -> None:
    """Default for ``on_stuck``: the stream continues with one worker less."""


@dataclass(frozen=True, slots=True)
class Service:
    """One served stream: its consumer, and the pipelines of its entries."""

    config: StreamConfig
    pipelines: StreamPipelines
    processor: RedisStreamProcessor


class App:
    """All consumers of one configuration, on one Redis client; ``routes`` are route names by stream."""

    def __init__(
        self, connection: RedisConnection, services: Sequence[Service], routes: Mapping[str, Collection[str]]
    ) -> None:
        self._redis = connection
        self.services = {service.config.name: service for service in services}
        self._watches = {
            name: _watch(connection, service.config, routes.get(name, ()))
            for name, service in self.services.items()
        }
        self._looking: asyncio.Task[None] | None = None

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


def _watch(connection: RedisConnection, stream: StreamConfig, routes: Collection[str]) -> GroupWatch:
    others = OtherGroups(connection, stream.name, stream.group, routes)
    return GroupWatch(stream.name, others, stream.formerly_group)


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
    served = [stream for stream in document.streams.values() if document.served(stream.name)]
    with handler_threads(sum(stream.concurrency for stream in served)):
        async with open_container(compiled.container, document.container or "") as container:
            consumer = consumer_name()
            resources = {"publishers": publishers_by_stream(connection, compiled.codecs_by_stream)}
            routers = compiled.routers_in(RuntimeContext(resources, validated=True))
            services = [
                build_service(
                    *(connection, stream, consumer),
                    build_pipeline(stream, compiled, routers[stream.name], container, observer),
                    observer,
                    incidents,
                    partial(on_stuck, stream.name) if stream.on_stuck == "exit" else ignore_stuck,
                )
                for stream in served
            ]
            routes = {name: [route.name for route in document.served(name)] for name in document.streams}
            app = App(connection, services, routes)
            try:
                yield app
            finally:
                await app.stop()
                await close_webhooks()


def build_service(
    connection: RedisConnection,
    stream: StreamConfig,
    consumer: str,
    pipeline: Pipeline,
    observer: Observer,
    incidents: Incidents,
    on_stuck: Callable[[], None],
) -> Service:
    """Build the consumer of one stream, which passes its entries to the pipeline."""
    storage = RedisStreamStorage(
        connection.client,
        lease=stream.lease,
        stall=stream.stall,
        formerly_group=stream.formerly_group,
        block=_BLOCK,
        dead_letter=stream.dead_letter,
        trim=stream.trim,
        incidents=incidents,
    )
    processor = RedisStreamProcessor(
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
        observer=observer,
        incidents=incidents,
        on_stuck=on_stuck,
    )
    pipelines = StreamPipelines(storage, pipeline)
    processor.set_message_callback(pipelines.process_message, pipelines.known_routes)
    return Service(stream, pipelines, processor)


def _order_key(stream: StreamConfig) -> KeyOf | None:
    if stream.order_by is None:
        return None
    from streamroute.compiler.runtime.ordering_key import order_key

    return order_key(stream.order_by)


def consumer_name() -> str:
    """Return a name unique to this process start: host, process id and a random part."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
