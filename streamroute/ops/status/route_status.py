"""What the routes of a stream did in the last minute, added up over the live workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamroute.core.observer import Result
from streamroute.core.recording.histogram import LIMITS, Histogram

if TYPE_CHECKING:
    from streamroute.adapters.overview.group_overview import GroupOverview
    from streamroute.adapters.snapshots.worker_snapshot import RouteActivity, WorkerSnapshot

_STALE: Final = 30_000  # ms after which the rates of a snapshot are of the past
_MIN_WINDOW: Final = 1.0  # seconds: a worker that has just started has no rate yet
_RAN: Final = tuple(map(str, (Result.SUCCEEDED, Result.RETRIED, Result.DEAD)))
_FAILED: Final = tuple(map(str, (Result.RETRIED, Result.DEAD)))


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """One route of a stream.

    ``rate`` and ``failure_rate`` are messages a second over the last minute: all that ran, and those of them
    that failed. ``p50`` and ``p99`` are seconds that its handler took in that minute (None: unknown).
    ``running`` handlers run now. ``recent`` are the counts of the last minute, ``totals`` those since the
    workers started, by result.
    """

    route: str
    rate: float = 0.0
    failure_rate: float = 0.0
    p50: float | None = None
    p99: float | None = None
    running: int = 0
    recent: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "route": self.route,
            "rate": round(self.rate, 3),
            "failure_rate": round(self.failure_rate, 3),
            "p50": _rounded(self.p50),
            "p99": _rounded(self.p99),
            "running": self.running,
            "recent": dict(self.recent),
            "totals": dict(self.totals),
        }


def routes_of(overview: GroupOverview) -> tuple[RouteStatus, ...]:
    """Return the routes that were active in the last minute, the busiest first."""
    sums: dict[str, _RouteSum] = {}
    for snapshot in overview.snapshots.values():
        if overview.time - snapshot.at <= _STALE:
            _add_snapshot(sums, snapshot)
    routes = (total.status(route) for route, total in sums.items())
    return tuple(sorted(routes, key=lambda route: (-route.rate, -route.failure_rate, route.route)))


def _add_snapshot(sums: dict[str, _RouteSum], snapshot: WorkerSnapshot) -> None:
    window = max(snapshot.window, _MIN_WINDOW)
    for activity in snapshot.routes:
        sums.setdefault(activity.route, _RouteSum()).add(activity, window, snapshot.buckets)
    for entry in snapshot.running:
        if entry.route is not None:
            sums.setdefault(entry.route, _RouteSum()).running += 1


@dataclass(slots=True)
class _RouteSum:
    rate: float = 0.0
    failure_rate: float = 0.0
    running: int = 0
    recent: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    durations: Histogram = field(default_factory=Histogram)

    def add(self, activity: RouteActivity, window: float, buckets: Sequence[float]) -> None:
        self.rate += _sum(activity.recent, _RAN) / window
        self.failure_rate += _sum(activity.recent, _FAILED) / window
        _add_counts(self.recent, activity.recent)
        _add_counts(self.totals, activity.totals)
        if tuple(buckets) == LIMITS and len(activity.seconds) == len(self.durations.counts):
            # Workers of another release may have other buckets: their durations are left out.
            self.durations.add(Histogram(activity.seconds))

    def status(self, route: str) -> RouteStatus:
        return RouteStatus(
            route=route,
            rate=self.rate,
            failure_rate=self.failure_rate,
            p50=self.durations.quantile(0.5),
            p99=self.durations.quantile(0.99),
            running=self.running,
            recent=self.recent,
            totals=self.totals,
        )


def _add_counts(total: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        total[name] = total.get(name, 0) + count


def _sum(counts: Mapping[str, int], results: Iterable[str]) -> int:
    return sum([counts.get(result, 0) for result in results])


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
