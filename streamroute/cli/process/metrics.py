"""``serve --metrics``: the option and the endpoint."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from streamroute.errors import SetupError
from streamroute.system.extras import import_extra

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.config.document import Document, StreamConfig
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.process_stats import ProcessStats
    from streamroute.ops.metrics.reload_status import ReloadStatus
    from streamroute.ops.metrics.server import Endpoint
    from streamroute.ops.metrics.sources import MetricsSources
    from streamroute.ops.workers.reports import WorkerReports

log = logging.getLogger(__name__)


def endpoint_option(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Parse the option's value; raises SetupError if the extra ``metrics`` is not installed."""
    if value is None:
        return None
    from streamroute.ops.metrics.server import Endpoint

    try:
        endpoint = Endpoint.read(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    try:
        import_extra("prometheus_client")
    except ImportError as error:
        raise SetupError("--metrics needs prometheus-client: pip install 'streamroute[metrics]'") from error
    return endpoint


@dataclass(slots=True)
class MetricsEndpoints:
    """Where the metrics of a service are served: at ``public``, and for its board at ``internal``.

    Either may be None. While they are served, ``internal`` has its actual port.
    """

    public: Endpoint | None = None
    internal: Endpoint | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody wants the metrics."""
        return self.public is None and self.internal is None


@asynccontextmanager
async def process_metrics(
    endpoints: MetricsEndpoints,
    report: int | None,
    redis: RedisConnection,
    app: App,
    counters: Counters,
    reloads: ReloadStatus | None = None,
) -> AsyncIterator[Callable[[], None]]:
    """Serve the metrics of this process, and report them to its supervisor, until the context exits.

    Yields a function to call when the app has started; it tells the supervisor.
    """
    if endpoints.is_empty and report is None:
        yield _no_supervisor
        return
    from streamroute.ops.metrics.app_sources import sources_of, stats_of
    from streamroute.ops.metrics.event_loop_lag import EventLoopLag
    from streamroute.ops.serve.background import in_background
    from streamroute.ops.workers.report_writer import reporting

    loop_lag = EventLoopLag()

    def stats() -> ProcessStats:
        return stats_of(app, loop_lag)

    has_started = _no_supervisor
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(in_background(loop_lag.measure()))
        if report is not None:
            has_started = stack.enter_context(reporting(report, counters, stats))
        if not endpoints.is_empty:
            sources = sources_of(app, loop_lag, redis, counters, reloads)
            await stack.enter_async_context(_served(endpoints, sources, lambda: counters.routes))
        yield has_started


def _no_supervisor() -> None:
    """Do nothing: there is no supervisor to tell."""


@asynccontextmanager
async def worker_metrics(
    endpoints: MetricsEndpoints,
    redis: RedisConnection,
    document: Callable[[], Document],
    reports: WorkerReports,
    reloads: ReloadStatus | None = None,
) -> AsyncIterator[None]:
    """Serve the combined metrics of all workers, which run ``document()``, until the context exits."""
    if endpoints.is_empty:
        yield
        return
    from streamroute.ops.metrics.group_poller import poller_of
    from streamroute.ops.metrics.sources import MetricsSources

    def streams() -> list[StreamConfig]:
        current = document()
        return [stream for stream in current.streams.values() if current.served(stream.name)]

    sources = MetricsSources(reports.counts, reports.stats, poller_of(streams, redis), reloads)
    async with _served(endpoints, sources, lambda: reports.ended.routes):
        yield


@asynccontextmanager
async def _served(
    endpoints: MetricsEndpoints, sources: MetricsSources, routes: Callable[[], Mapping[str, tuple[str, ...]]]
) -> AsyncIterator[None]:
    from prometheus_client import CollectorRegistry, make_wsgi_app

    from streamroute.ops.metrics.collector import RouteCollector
    from streamroute.ops.metrics.server import http_server, pages
    from streamroute.ops.serve.background import in_background

    registry = CollectorRegistry(support_collectors_without_names=True)  # so that ?name[]= works
    registry.register(RouteCollector(sources, routes))
    application = pages(make_wsgi_app(registry), sources.health_problems)
    with ExitStack() as stack:
        if endpoints.public is not None:
            at = stack.enter_context(http_server(endpoints.public, application))
            log.info("metrics are at http://%s/metrics", at)
        if endpoints.internal is not None:
            endpoints.internal = stack.enter_context(http_server(endpoints.internal, application))
        async with in_background(sources.group_poller.run()):
            yield
