"""The metrics of what is recorded: histograms of times, failures by class, and what runs now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from streamroute.core.recording.histogram import LIMITS, Histogram
from streamroute.ops.metrics.counters import OTHER_ROUTES

if TYPE_CHECKING:
    from streamroute.ops.metrics.process_stats import ProcessStats
    from streamroute.ops.metrics.recorded import Recorded, RouteTimes

_PREFIX: Final = "streamroute_"
_LIMITS: Final = (*map(floatToGoString, LIMITS), "+Inf")
_MAX_ROUTES: Final = 1_000  # with histograms of their own: each has 36 lines, of about 4 kB


class RecordedMetrics:
    """Builds the metrics of what routes recorded.

    The first thousand routes that run have their own histograms, and the others of a stream one together: a
    route keeps its place, since no series may decrease.
    """

    def __init__(self, max_routes: int = _MAX_ROUTES) -> None:
        self._max_routes = max_routes
        self._shown: set[tuple[str, str]] = set()

    def collect(self, recorded: Recorded) -> Iterator[Metric]:
        """Yield the counter of failures and the histograms."""
        yield _failures(recorded)
        times = self._bounded(recorded.times())
        handler = _histogram("handler_seconds", "How long the runs of a route's handler took.")
        entry = _histogram("entry_seconds", "Time from an entry's id to the success of a route.")
        for labels, pair in times.items():
            _add(handler, labels, pair.handler)
            _add(entry, labels, pair.entry)
        yield handler
        yield entry

    def _bounded(self, times: Mapping[tuple[str, str], RouteTimes]) -> dict[tuple[str, str], RouteTimes]:
        bounded: dict[tuple[str, str], RouteTimes] = {}
        for (stream, route), pair in times.items():
            if len(self._shown) < self._max_routes:
                self._shown.add((stream, route))
            label = (stream, route if (stream, route) in self._shown else OTHER_ROUTES)
            if label in bounded:
                bounded[label].handler.add(pair.handler)
                bounded[label].entry.add(pair.entry)
            else:
                bounded[label] = pair
        return bounded


def running_routes(processes: Sequence[ProcessStats]) -> GaugeMetricFamily:
    """Return the gauge of the routes whose handlers run now."""
    text = "Handlers of a route that are running; absent while there are none."
    gauge = GaugeMetricFamily(_PREFIX + "route_handlers_running", text, labels=("stream", "route"))
    total: Counter[tuple[str, str]] = Counter()
    for stats in processes:
        for stream, by_route in stats.running_routes.items():
            total.update({(stream, route): count for route, count in by_route.items()})
    for labels, count in sorted(total.items()):
        gauge.add_metric(labels, count)
    return gauge


def _failures(recorded: Recorded) -> CounterMetricFamily:
    text = "Runs that an exception ended, by what became of the message, and the class of the exception."
    labels = ("stream", "route", "result", "error_class")
    counter = CounterMetricFamily(_PREFIX + "failures", text, labels=labels)
    for key, count in sorted(recorded.failures().items()):
        counter.add_metric(key, count)
    return counter


def _histogram(name: str, text: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(_PREFIX + name, text, labels=("stream", "route"))


def _add(family: HistogramMetricFamily, labels: Sequence[str], histogram: Histogram) -> None:
    buckets, below = [], 0
    for limit, count in zip(_LIMITS, histogram.counts, strict=True):
        below += count
        buckets.append((limit, float(below)))
    family.add_metric(labels, buckets, histogram.seconds)
