"""The metrics of an application, for the program's own Prometheus registry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamroute.errors import SetupError
from streamroute.ops.metrics.app_sources import sources_of
from streamroute.ops.metrics.event_loop_lag import EventLoopLag
from streamroute.system.extras import import_extra

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.process_stats import ProcessStats
    from streamroute.ops.metrics.reload_status import ReloadStatus


class ApplicationMetrics:
    """Measures an app while ``measure`` runs, but nothing before somebody wants the metrics."""

    def __init__(self, app: App, redis: RedisConnection, counters: Counters, reloads: ReloadStatus) -> None:
        self._loop_lag = EventLoopLag()
        self._counters = counters
        self._of_process = sources_of(app, self._loop_lag, redis, counters, reloads)
        self._are_wanted = asyncio.Event()
        self._is_measuring = False
        self._collector: Any = None

    def collector(self) -> Any:
        """Return the collector; raises SetupError without the extra ``metrics``."""
        if self._collector is None:
            try:
                import_extra("prometheus_client")
            except ImportError as error:
                raise SetupError(
                    "metrics need prometheus-client: pip install 'streamroute[metrics]'"
                ) from error
            from streamroute.ops.metrics.collector import RouteCollector

            sources = replace(self._of_process, stats=self._stats)
            self._collector = RouteCollector(sources, lambda: self._counters.routes)
            self._are_wanted.set()
        return self._collector

    async def measure(self) -> None:
        """Measure until cancelled."""
        await self._are_wanted.wait()
        self._is_measuring = True
        try:
            await asyncio.gather(self._loop_lag.measure(), self._of_process.group_poller.run())
        finally:
            self._is_measuring = False

    def _stats(self) -> Sequence[ProcessStats]:
        return self._of_process.stats() if self._is_measuring else []
