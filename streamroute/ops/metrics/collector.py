"""The Prometheus collector: build the metrics of ``declarations`` from the counters at each scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamroute.ops.metrics.config_metrics import config_metrics, generation_metrics
from streamroute.ops.metrics.counters import NO_ROUTE, Counters
from streamroute.ops.metrics.declarations import (
    EVENT_METRICS,
    GROUP_METRICS,
    PROCESS_METRICS,
    ROUTE_METRICS,
    RouteMetric,
)
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.metrics.recorded_metrics import RecordedMetrics, running_routes
from streamroute.ops.metrics.sources import MetricsSources
from streamroute.version import VERSION

if TYPE_CHECKING:
    from streamroute.adapters.groups.stats import GroupStats

_PREFIX: Final = "streamroute_"


class RouteCollector(Collector):
    """All metrics of ``serve --metrics``. ``routes`` returns the route names of each stream now."""

    def __init__(
        self,
        sources: MetricsSources,
        routes: Callable[[], Mapping[str, tuple[str, ...]]],
        metrics: Sequence[RouteMetric] = ROUTE_METRICS,
    ) -> None:
        self._sources = sources
        self._routes = routes
        self._metrics = metrics
        self._recorded = RecordedMetrics()

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        counters = self._sources.counts()
        yield from self._route_metrics(counters)
        yield from self._event_metrics(counters)
        yield _shadow_counter(counters)
        yield from self._recorded.collect(counters.recorded)
        yield from self._group_metrics()
        yield from self._process_metrics()
        if self._sources.reloads is not None:
            yield from config_metrics(self._sources.reloads)
            yield from generation_metrics(self._sources.stats())

    def _route_metrics(self, counters: Counters) -> Iterator[Metric]:
        families = {metric.name: _route_counter(metric) for metric in self._metrics}
        for stream, route in self._counted_routes(counters):
            counts = counters.route_counts(stream, route)
            for metric in self._metrics:
                if route != NO_ROUTE or metric.without_route:
                    labels = [stream, "" if route == NO_ROUTE else route]
                    labels += [] if metric.result is None else [metric.result]
                    families[metric.name].add_metric(labels, counts[metric.key])
        yield from families.values()

    def _counted_routes(self, counters: Counters) -> list[tuple[str, str]]:
        """Return the configured routes, which are exposed from the start, then others that have counts."""
        configured = [
            (stream, route) for stream, names in self._routes().items() for route in (*names, NO_ROUTE)
        ]
        others = {*list(counters.backlog), *list(counters.feed)} - set(configured)
        return configured + sorted(others)

    def _event_metrics(self, counters: Counters) -> Iterator[Metric]:
        events = dict(counters.events)
        for metric in EVENT_METRICS:
            streams = dict.fromkeys(stream for stream, event in events if event == metric.event)
            if metric.by_stream:
                counter = _counter(metric.name, metric.help, "stream")
                for stream in {**dict.fromkeys(self._routes()), **streams}:
                    counter.add_metric([stream], events.get((stream, metric.event), 0))
            else:
                counter = _counter(metric.name, metric.help)
                counter.add_metric([], sum(events[stream, metric.event] for stream in streams))
            yield counter

    def _group_metrics(self) -> Iterator[Metric]:
        yield _single_gauge("up", "Whether Redis answers.", int(self._sources.group_poller.is_up))
        groups = self._sources.group_poller.stats
        for metric in GROUP_METRICS:
            gauge = _gauge(metric.name, metric.help, "stream")
            for stream, group in groups.items():
                value = metric.value(group)
                if value is not None:  # an unknown value is absent, not 0
                    gauge.add_metric([stream], value)
            yield gauge
        yield _paused_gauge(groups)

    def _process_metrics(self) -> Iterator[Metric]:
        processes = self._sources.stats()
        for metric in PROCESS_METRICS:
            gauge = _gauge(metric.name, metric.help, "stream")
            for stream in self._routes():
                gauge.add_metric([stream], sum(metric.value(stats).get(stream, 0) for stats in processes))
            yield gauge
        yield running_routes(processes)
        yield _canary_gauge(processes)
        lag = max((stats.lag for stats in processes), default=0.0)
        yield _single_gauge("event_loop_lag_seconds", "By how much the latest event loop is late.", lag)
        yield _single_gauge("processes", "Processes that run handlers.", len(processes))
        info = _gauge("build_info", "1, and the version.", "version")
        info.add_metric([VERSION], 1)
        yield info


def _paused_gauge(groups: Mapping[str, GroupStats]) -> GaugeMetricFamily:
    text = "1 for each route that is paused, and without a route for a stream, by kind: manual or circuit."
    gauge = _gauge("paused", text, "stream", "route", "kind")
    for stream, group in groups.items():
        for route, kind in group.paused:
            gauge.add_metric([stream, route, kind], 1)
    return gauge


def _shadow_counter(counters: Counters) -> CounterMetricFamily:
    text = "Messages that a shadow route watched, by what it would have done."
    counter = _counter("shadow_messages", text, "stream", "route", "result")
    for (stream, route), row in sorted(counters.shadows.copy().items()):
        for result, count in row.items():
            counter.add_metric([stream, route, result], count)
    return counter


def _canary_gauge(processes: Sequence[ProcessStats]) -> GaugeMetricFamily:
    gauge = _gauge(
        "canary_stopped", "In how many processes a canary is switched off by stop_at.", "stream", "route"
    )
    stopped: Counter[tuple[str, str]] = Counter()
    for stats in processes:
        for stream, by_route in stats.stopped_canaries.items():
            stopped.update({(stream, route): count for route, count in by_route.items()})
    for (stream, route), count in sorted(stopped.items()):
        gauge.add_metric([stream, route], count)
    return gauge


def _route_counter(metric: RouteMetric) -> CounterMetricFamily:
    labels = ["stream", "route"] + ([] if metric.result is None else ["result"])
    return _counter(metric.name, metric.help, *labels)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, labels=labels)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, labels=labels)


def _single_gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value=value)
