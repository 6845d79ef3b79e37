"""The metrics by name, made when they are asked for from what was counted anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamroute import __version__
from streamroute.adapters.groups.stats import GroupStats
from streamroute.incidents import Incident
from streamroute.ops.metrics.counters import (
    LEASE_LOST,
    NO_ROUTE,
    UNDECODABLE,
    UNLISTED,
    Counters,
    RouteCounts,
)
from streamroute.ops.metrics.process_stats import MetricsSources, ProcessStats

_RESULTS: Final[Mapping[str, Callable[[RouteCounts], int]]] = {
    "succeeded": lambda row: row.succeeded,
    "retried": lambda row: row.retried,
    "postponed": lambda row: row.postponed,
    "skipped": lambda row: row.skipped,
    "dead": lambda row: row.failed,
}

_HAPPENED: Final = {
    UNLISTED: ("messages_unlisted", "Messages of types that no route lists, acknowledged."),
    UNDECODABLE: ("messages_undecodable", "Messages that could not be read, dead-lettered."),
    Incident.CLAIMED: ("entries_claimed", "Entries taken over from another consumer."),
    Incident.REDELIVERED: ("entries_redelivered", "Entries delivered again: they may have run before."),
    LEASE_LOST: ("leases_lost", "Entries that another worker took while they were held here."),
    Incident.WENT_BACK: (
        "groups_went_back",
        "Times that the group was less far than before: the server was restored, or somebody moved it.",
    ),
    Incident.RESTORED: ("retries_restored", "Retries that had lost their due time, and ran at once."),
    Incident.DELETED: (
        "entries_deleted",
        "Entries lost: somebody deleted them while they were pending, or waited for a retry.",
    ),
    Incident.GROUP_LOST: ("groups_lost", "Times that the consumer group was gone, and was created again."),
    Incident.OUTAGE: ("outages", "Times that reading, claiming, settling ... began to fail."),
    Incident.STUCK: ("handlers_stuck", "Handlers that did not end although they were cancelled."),
}

_STANDING: Final[Mapping[str, tuple[str, Callable[[GroupStats], float | None]]]] = {
    "entries_unread": ("Entries that the group has not read yet.", lambda s: s.unread),
    "entries_pending": ("Entries that were read and are not settled yet.", lambda s: s.pending),
    "oldest_pending_seconds": ("Age of the oldest pending entry, since it was produced.", lambda s: s.oldest),
    "lease_seconds": ("The lease in force: the longest of a worker that is alive.", lambda s: s.lease),
    "retries_scheduled": ("Retries that wait for their time.", lambda s: s.scheduled),
    "dead_letters": ("Dead letters that are kept.", lambda s: s.dead),
}

_BY_STREAM: Final[Mapping[str, tuple[str, Callable[[ProcessStats], Mapping[str, int]]]]] = {
    "handlers_running": ("Handlers that run at this moment.", lambda stats: stats.running),
    "slots": ("Handlers that may run at once.", lambda stats: stats.slots),
    "slots_stuck": (
        "Slots whose handler goes on although it was cancelled.",
        lambda stats: stats.stuck,
    ),
}


class RouteCollector(Collector):
    """Everything that ``serve --metrics`` exposes. ``routes`` are the names of each stream's routes."""

    def __init__(self, sources: MetricsSources, routes: Mapping[str, tuple[str, ...]]) -> None:
        self._sources = sources
        self._routes = routes

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        counters = self._sources.counts()
        yield from self._of_routes(counters)
        yield from self._of_streams(counters)
        yield from self._of_groups()
        yield from self._of_processes()

    def _of_routes(self, counters: Counters) -> Iterator[Metric]:
        matched = _counter("messages_matched", "Messages that a route matched, each once.", "stream", "route")
        ended = _counter(
            "messages", "What became of messages at a route, by result.", "stream", "route", "result"
        )
        for stream, route, row in _rows(counters, self._routes):
            name = "" if route == NO_ROUTE else route
            if name:
                matched.add_metric([stream, name], row.matched)
            for result, count in _RESULTS.items() if name else [("dead", _RESULTS["dead"])]:
                ended.add_metric([stream, name, result], count(row))
        yield from (matched, ended)

    def _of_streams(self, counters: Counters) -> Iterator[Metric]:
        events = dict(list(counters.events.items()))
        for what, (name, text) in _HAPPENED.items():
            counter = _counter(name, text, "stream")
            streams = dict.fromkeys([*self._routes, *(one for one, kind in events if kind == what)])
            for stream in streams:
                counter.add_metric([stream], events.get((stream, str(what)), 0))
            yield counter
        deaths = sum(count for (_, what), count in events.items() if what == Incident.WORKER_DIED)
        yield _single(CounterMetricFamily, "workers_died", "Workers that ended by themselves.", deaths)

    def _of_groups(self) -> Iterator[Metric]:
        yield _single(
            GaugeMetricFamily, "up", "Whether Redis answers.", int(self._sources.group_poller.is_up)
        )
        stats = self._sources.group_poller.stats
        for name, (text, of) in _STANDING.items():
            gauge = _gauge(name, text, "stream")
            for stream, standing in stats.items():
                value = of(standing)
                if value is not None:  # what is not known is absent, and not 0
                    gauge.add_metric([stream], value)
            yield gauge

    def _of_processes(self) -> Iterator[Metric]:
        processes = self._sources.stats()
        for name, (text, of) in _BY_STREAM.items():
            gauge = _gauge(name, text, "stream")
            for stream in self._routes:
                gauge.add_metric([stream], sum(of(stats).get(stream, 0) for stats in processes))
            yield gauge
        lag = max((stats.lag for stats in processes), default=0.0)
        said = "By how much the event loop that is latest is late."
        yield _single(GaugeMetricFamily, "event_loop_lag_seconds", said, lag)
        yield _single(GaugeMetricFamily, "processes", "Processes that run handlers.", len(processes))
        info = _gauge("build_info", "1, and the version.", "version")
        info.add_metric([__version__], 1)
        yield info


def _rows(
    counters: Counters, routes: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str, RouteCounts]]:
    """Every configured route, and what has counts beside them; a feed's are counts like others."""
    for stream, names in routes.items():
        for route in (*names, NO_ROUTE):
            yield stream, route, _row(counters, (stream, route))
    configured = {(stream, route) for stream, names in routes.items() for route in (*names, NO_ROUTE)}
    for key in sorted({*list(counters.backlog), *list(counters.feed)} - configured):
        yield (*key, _row(counters, key))


def _row(counters: Counters, key: tuple[str, str]) -> RouteCounts:
    whole = RouteCounts()
    for table in (counters.backlog, counters.feed):
        if (row := table.get(key)) is not None:
            whole.add(row)
    return whole


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"streamroute_{name}", text, labels=labels)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"streamroute_{name}", text, labels=labels)


def _single(
    family: type[CounterMetricFamily | GaugeMetricFamily], name: str, text: str, value: float
) -> Metric:
    return family(f"streamroute_{name}", text, value=value)
