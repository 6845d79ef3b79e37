"""The running services: those of the current configuration, and retired ones that still run handlers."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.redis.errors import translate_errors
from streamroute.logs.exception_text import error_line
from streamroute.services.stream_changes import keeps_order
from streamroute.system.waiting import wait_until
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.core.processor import RedisStreamProcessor
    from streamroute.services.generation import Generation
    from streamroute.services.service import Service

log = logging.getLogger(__name__)

_AT_ONCE: Final = 64  # streams that start concurrently
_START_PAUSE: Final = 5.0  # seconds before another attempt to start a consumer


class RunningServices:
    """All services of a process; ``current`` is replaced as a whole, so any thread may read it.

    A retired service reads nothing and starts nothing; it lives until its running handlers have ended.
    ``started`` is called with each service that has started after the others, ``drained`` when a retired one
    has ended. A service that cannot start tries again after ``start_pause`` seconds.
    """

    def __init__(
        self,
        connection: RedisConnection,
        services: Mapping[str, Service],
        started: Callable[[Service], Awaitable[None]],
        drained: Callable[[], None],
        start_pause: float = _START_PAUSE,
    ) -> None:
        self.current = services
        self.retired: Sequence[Service] = ()
        self._redis = connection
        self._started = started
        self._drained = drained
        self._start_pause = start_pause
        self._starting: dict[RedisStreamProcessor, asyncio.Task[None]] = {}
        self._draining: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    @property
    def all(self) -> list[Service]:
        """The current services, then the retired ones; may be read from any thread."""
        return [*self.current.values(), *self.retired]

    def of(self, stream: str) -> list[Service]:
        """Return the services of one stream, retired ones included."""
        return [service for service in self.all if service.config.name == stream]

    async def start(self) -> None:
        """Start the current services; raises the first error in their order when all attempts have ended."""
        await for_each(self._start, self.current.values())

    def replace(self, services: Mapping[str, Service]) -> None:
        """Start what is new among ``services``, and retire what is missing; waits for nothing.

        Where the order of messages matters, a new service starts when the handlers of the one before have
        ended.
        """
        before, self.current = self.current, services
        kept = {service.processor for service in services.values()}
        known = {service.processor for service in before.values()}
        for service in before.values():
            if service.processor not in kept:
                self._retire(service)
        for service in services.values():
            if service.processor not in known and not self._is_stopped:
                self._start_soon(service)

    async def stop(self) -> None:
        """Drain all services concurrently; each lets running handlers finish within its grace period."""
        self._is_stopped = True
        for starting in self._starting.values():
            starting.cancel()
        await _ended(self._starting.values())
        stopping = [service.processor.stop_listening() for service in self.all]
        await asyncio.gather(*stopping)
        await _ended(self._draining)

    def in_flight(self, generation: Generation) -> dict[str, int]:
        """Return how many messages of a generation are in flight, by stream.

        A stream without messages is included while a retired service may still decode some by it.
        """
        counts: dict[str, int] = {}
        for service in self.all:
            pipeline = generation.pipelines.get(service.config.name)
            if pipeline is not None:
                count = service.processor.in_flight_of(pipeline)
                if count or service.pipelines.current is pipeline:
                    counts[service.config.name] = counts.get(service.config.name, 0) + count
        return counts

    def running(self) -> dict[str, int]:
        """Return the number of running handlers by stream; may be called from any thread."""
        return self._sums(lambda service: service.processor.running)

    def running_routes(self) -> dict[str, dict[str, int]]:
        """Return the number of running handlers by stream and route; may be called from any thread."""
        routes: dict[str, Counter[str]] = {}
        for service in self.all:
            names = (message.delivery.running_route for message in service.processor.running_messages())
            routes.setdefault(service.config.name, Counter()).update(name for name in names if name)
        return {stream: dict(counts) for stream, counts in routes.items()}

    def stuck(self) -> dict[str, int]:
        """Return the number of workers with stuck handlers by stream; may be called from any thread."""
        return self._sums(lambda service: service.processor.stuck)

    def concurrency(self) -> dict[str, int]:
        """Return how many handlers may run by stream: also those that are stuck in a retired service.

        A stream whose workers are all stuck has as many stuck ones. May be called from any thread.
        """
        retired = self.retired
        return self._sums(
            lambda service: service.processor.stuck if service in retired else service.config.concurrency
        )

    def _sums(self, number: Callable[[Service], int]) -> dict[str, int]:
        sums: dict[str, int] = {}
        for service in self.all:
            name = service.config.name
            sums[name] = sums.get(name, 0) + number(service)
        return sums

    async def _start(self, service: Service) -> None:
        with translate_errors(self._redis, f"consuming {service.config.name}"):
            await service.processor.start_listening()

    def _start_soon(self, service: Service) -> None:
        task = asyncio.create_task(self._start_after_others(service))
        self._starting[service.processor] = task
        task.add_done_callback(lambda _: self._starting.pop(service.processor, None))

    async def _start_after_others(self, service: Service) -> None:
        """Start a service; messages wait in the stream meanwhile, or other machines process them."""
        await self._wait_for_order(service)
        while True:
            try:
                await self._start(service)
            except Exception as error:  # noqa: BLE001 - the next attempt may succeed
                template = "could not start consuming %s; trying again in %g s: %s"
                log.error(template, service.config.name, self._start_pause, error_line(error))
                await asyncio.sleep(self._start_pause)
            else:
                break
        await self._started(service)

    async def _wait_for_order(self, service: Service) -> None:
        stream = service.config
        earlier = [
            other
            for other in self.retired
            if other.config.name == stream.name and (keeps_order(stream) or keeps_order(other.config))
        ]
        running = sum(other.processor.running for other in earlier)
        if running:
            template = "%s keeps its order: reading continues after %s"
            log.info(template, stream.name, pluralize(running, "running handler"))
        await wait_until(lambda: all(other.processor.is_idle for other in earlier))

    def _retire(self, service: Service) -> None:
        starting = self._starting.get(service.processor)
        if starting is not None:
            starting.cancel()
        service.processor.retire()
        self.retired = (*self.retired, service)
        task = asyncio.create_task(self._drain(service, starting))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _drain(self, service: Service, starting: asyncio.Task[None] | None) -> None:
        if starting is not None:
            await _ended([starting])
        try:
            await service.processor.drain()
        except Exception as error:  # noqa: BLE001 - its unsettled messages run again when their leases end
            template = "could not stop the former consumer of %s: %s"
            log.error(template, service.config.name, error_line(error))
        finally:
            self.retired = tuple(other for other in self.retired if other is not service)
            self._drained()


async def for_each(act: Callable[[Service], Awaitable[Any]], services: Iterable[Service]) -> None:
    """Act on all services concurrently; when all have ended, raise the first error in service order."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def act_on(service: Service) -> None:
        async with at_once:
            await act(service)

    for result in await asyncio.gather(*map(act_on, services), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait until tasks have ended, whatever their results."""
    await asyncio.gather(*tasks, return_exceptions=True)
