"""Application: a configuration that runs in the user's own process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from streamroute.adapters.redis.connection import ping
from streamroute.application.counted_app import consuming
from streamroute.application.health import Health
from streamroute.application.lifecycle import Lifecycle
from streamroute.application.loading import root_file
from streamroute.application.metrics import ApplicationMetrics
from streamroute.application.redis_watch import RedisWatch
from streamroute.application.signals import stop_at_signal
from streamroute.core.consume.pool.current_entry import current_worker
from streamroute.errors import SetupError, StuckHandlerError
from streamroute.ops.serve.background import end_tasks, in_background
from streamroute.ops.serve.session import drain_app
from streamroute.ops.serve.stop_time import max_stop_seconds
from streamroute.ops.served_routes import route_names
from streamroute.publishing.event_writer import EventWriter
from streamroute.publishing.own_loop import OwnLoop
from streamroute.publishing.publish_methods import PublishMethods
from streamroute.publishing.settings import PublishSettings

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.application.reloads import ApplicationReloads
    from streamroute.application.stuck_handlers import StuckHandlers
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.reloader import Reloader
    from streamroute.ops.reload.result import ReloadResult

log = logging.getLogger(__name__)


class Application(PublishMethods):
    """A configuration, opened by ``streamroute.open``, that this process runs.

    It is checked and connected, but consumes nothing before ``start`` or ``run``. After a stop it cannot
    start again: open the configuration again. Its methods belong to the event loop in which it was opened: in
    another one they raise SetupError.

    >>> async with streamroute.open("routes.yaml") as app:  # doctest: +SKIP
    ...     await app.start()
    ...     await app.publish("bot_events", "booking.confirmed", {"nights": 3})
    ...     await app.drain()
    """

    def __init__(
        self,
        app: App,
        redis: RedisConnection,
        counters: Counters,
        reloads: ApplicationReloads,
        stuck: StuckHandlers,
    ) -> None:
        self._app = app
        self._redis = redis
        self._counters = counters
        self._reloads = reloads
        self._reloader: Reloader | None = None
        self._writer = EventWriter(redis, _publish_settings(reloads.running))
        self._metrics = ApplicationMetrics(app, redis, counters, reloads.status)
        self._watch = RedisWatch(partial(ping, redis.client, redis.address))
        self._lifecycle = Lifecycle(self._running, lambda: max_stop_seconds(app.document))
        self._is_closed = False
        self._loop = OwnLoop("the application")
        self._stuck = stuck
        stuck.stop = self._lifecycle.request_stop

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        try:
            await self._lifecycle.stop()
        finally:
            self._is_closed = True

    @property
    def is_running(self) -> bool:
        """Whether it consumes: from the end of ``start`` until something asks it to stop."""
        return self._lifecycle.is_running

    @property
    def generation(self) -> str:
        """The hash of the configuration that decodes messages now; a reload changes it."""
        return self._app.generation

    async def start(self) -> None:
        """Consume all streams from now on; do nothing if it runs.

        If this is cancelled, nothing is consumed, and the application is stopped. Raises
        RedisUnavailableError or SetupError if a stream cannot be consumed, or the application was stopped.
        """
        self._loop.require()
        await self._lifecycle.start()

    async def stop(self) -> None:
        """Read nothing more, let running handlers finish within the ``grace`` of their streams, and stop.

        Entries whose handlers do not finish stay pending, and run again. A caller that is cancelled meanwhile
        waits for the end, too. A handler that calls it does not wait, since it is waited for. May be called
        at any time and more than once.
        """
        self._loop.require()
        if current_worker() is not None:
            self._lifecycle.request_stop()
        else:
            await self._lifecycle.stop()

    async def run(self, *, signals: bool = False) -> None:
        """Consume until ``stop`` is called or this call is cancelled, then drain as ``stop`` does.

        With ``signals``, SIGINT and SIGTERM stop it, too; that works in the main thread only. Half a second
        after the first signal the handlers from before are back.

        Raises what ``start`` raises, and StuckHandlerError if a handler is stuck on a stream with
        ``on_stuck: exit``.
        """
        self._loop.require()
        with stop_at_signal(self._lifecycle.request_stop) if signals else nullcontext():
            await self._lifecycle.start()
            try:
                await self._lifecycle.stopping()
            finally:
                await self._lifecycle.stop()
        if self._stuck.problem:
            raise StuckHandlerError(self._stuck.problem)

    async def drain(self) -> None:
        """Wait until every entry that is in the streams now is done, dead-lettered or paused.

        It does not matter which worker of the group does it. Later entries are ignored. Raises SetupError if
        the application does not run, stops meanwhile, or is asked by a handler, whose entry would be waited
        for.
        """
        self._loop.require()
        if current_worker() is not None:
            raise SetupError("a handler cannot wait for the drain, which waits for the handler")
        if not self.is_running:
            raise SetupError("the application does not run: nothing would be drained")
        draining = asyncio.ensure_future(drain_app(self._app))
        stopping = asyncio.ensure_future(self._lifecycle.stopping())
        try:
            await asyncio.wait([draining, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not draining.done():
                raise SetupError(
                    "stopped before the drain was complete; remaining entries stay in the stream"
                )
            draining.result()
        finally:
            await end_tasks([draining, stopping])

    async def reload(self, path: str | Path | None = None) -> ReloadResult:
        """Replace the running configuration by that of the files, or of another root file, ``path``.

        A configuration with errors replaces nothing: the result's ``is_ok`` is false then, ``message`` says
        why, and ``findings`` lists the findings. Messages that were decoded before end by the configuration
        that decoded them. A ``path`` that was applied is that of later reloads. If this is cancelled, the
        reload goes on.

        Raises SetupError if the application does not run, or stops meanwhile.
        """
        self._loop.require()
        if self._reloader is None or not self.is_running:
            raise SetupError("the application does not run: only one that runs is reloaded")
        return await self._reloads.reload(
            self._reloader, None if path is None else root_file(path).absolute()
        )

    def health(self) -> Health:
        """Return whether it processes messages, for a health check; sends nothing to the server."""
        if not self.is_running:
            return Health((self._stuck.problem or "the application does not run",))
        stuck, limits = self._app.stuck(), self._app.concurrency()
        blocked = [stream for stream, limit in limits.items() if stuck.get(stream, 0) >= limit > 0]
        problems = [f"every handler of {stream} is stuck, so no message runs" for stream in blocked]
        if not self._watch.is_up:
            problems.append("Redis has not answered lately")
        return Health(tuple(problems))

    def metrics_collector(self) -> Any:
        """Return a Prometheus collector with the metrics of ``serve --metrics``.

        Register it: ``prometheus_client.REGISTRY.register(app.metrics_collector())``. What the groups have to
        do is asked every five seconds from then on. Raises SetupError without the extra ``metrics``.
        """
        return self._metrics.collector()

    def _has_applied(self, candidate: Candidate) -> None:
        self._counters.use_routes(route_names(candidate.document))
        self._writer.use(_publish_settings(candidate))

    def _event_writer(self) -> EventWriter:
        if self._is_closed:
            raise SetupError("the application is closed: publish inside the block of streamroute.open")
        self._loop.require()
        return self._writer

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with (
            consuming(self._app, self._redis, self._counters),
            in_background(self._watch.run(), self._metrics.measure()),
            self._reloads.serving(self._app, self._redis, self._has_applied) as self._reloader,
        ):
            log.info("consuming %s (generation %s)", ", ".join(self._app.services), self.generation)
            yield


def _publish_settings(candidate: Candidate) -> PublishSettings:
    return PublishSettings(candidate.document, candidate.compiled.codecs)
