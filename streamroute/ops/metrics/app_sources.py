"""The sources of the metrics of one app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.ops.metrics.group_poller import poller_of
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.metrics.sources import MetricsSources

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.event_loop_lag import EventLoopLag
    from streamroute.ops.metrics.reload_status import ReloadStatus


def stats_of(app: App, loop_lag: EventLoopLag) -> ProcessStats:
    """Return the state of the process that runs an app; may be called from any thread."""
    return ProcessStats(
        *(loop_lag.lag, app.running(), app.concurrency(), app.stuck(), app.stopped_canaries()),
        generation=app.generation,
        old_generations=dict(app.old_generations()),
        running_routes=app.running_routes(),
    )


def sources_of(
    app: App,
    loop_lag: EventLoopLag,
    redis: RedisConnection,
    counters: Counters,
    reloads: ReloadStatus | None = None,
) -> MetricsSources:
    """Return the sources of the metrics of an app that runs in this process."""
    poller = poller_of(lambda: [service.config for service in app.services.values()], redis)
    return MetricsSources(lambda: counters, lambda: [stats_of(app, loop_lag)], poller, reloads)
