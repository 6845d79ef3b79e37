"""The source of a worker's snapshots: its services and its counters."""

from __future__ import annotations

import heapq
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from streamroute.adapters.snapshots.worker_snapshot import RouteActivity, WorkerSnapshot
from streamroute.adapters.snapshots.writer import SnapshotAddress
from streamroute.core.recording.histogram import LIMITS
from streamroute.keys import GroupKeys
from streamroute.ops.status.worker.recent_counts import RecentCounts, Totals
from streamroute.ops.status.worker.running_watch import RunningWatch

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counters
    from streamroute.services.service import Service

_MAX_ROUTES: Final = 10_000  # of all streams of the worker
_SILENT: Final = 1.0  # seconds without a response from which the event loop is said to be blocked


class ServiceSnapshots:
    """A ``SnapshotSource``: reads the services of this process, and what was counted at their routes.

    ``services`` returns all services, also replaced ones whose handlers still run. The counts of a stream
    that two services consume, one of which is replaced, are in the snapshot of the first.
    """

    def __init__(
        self,
        services: Callable[[], Sequence[Service]],
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._counters = counters
        self._clock = clock
        self._host = socket.gethostname()
        self._counts: RecentCounts[tuple[str, str]] = RecentCounts(clock())
        self._run_counts: RecentCounts[tuple[str, str]] = RecentCounts(clock())
        self._watches: dict[SnapshotAddress, RunningWatch] = {}

    def take(self, silence: float) -> Mapping[SnapshotAddress, WorkerSnapshot]:
        """See ``SnapshotSource``."""
        now, services = self._clock(), self._services()
        window, activity = self._counts.window(now), self._activity(now)
        addresses = {_address(service): service for service in services}
        self._watches = {address: self._watches.get(address) or RunningWatch() for address in addresses}
        return {
            address: WorkerSnapshot(
                at=0,
                host=self._host,
                pid=os.getpid(),
                generation=service.pipelines.current.generation,
                concurrency=service.config.concurrency,
                held=service.processor.held,
                running_count=service.processor.running,
                running=self._watches[address].look(service.processor.running_messages(), now),
                silence=silence if silence > _SILENT else 0.0,
                window=window,
                buckets=LIMITS,
                routes=activity.pop(address.keys.stream, ()),
            )
            for address, service in addresses.items()
        }

    def _activity(self, now: float) -> dict[str, Sequence[RouteActivity]]:
        """Return the routes that were active in the window, by stream."""
        names = tuple(metric.key for metric in self._counters.metrics)
        totals = _totals(self._counters, names)
        seconds = self._run_counts.update(self._counters.recorded.run_counts(), now)
        recent = self._counts.update(totals, now)
        by_stream: dict[str, list[RouteActivity]] = {}
        for key in _busiest(recent):
            stream, route = key
            activity = RouteActivity(
                route,
                totals=dict(zip(names, totals[key], strict=True)),
                recent=dict(zip(names, recent[key], strict=True)),
                seconds=seconds.get(key, ()),
            )
            by_stream.setdefault(stream, []).append(activity)
        return dict(by_stream)


def _busiest(recent: Mapping[tuple[str, str], Totals]) -> Iterable[tuple[str, str]]:
    """Return the routes that did the most, if there are more than the snapshots can hold."""
    if len(recent) <= _MAX_ROUTES:
        return recent
    return heapq.nlargest(_MAX_ROUTES, recent, key=lambda key: sum(recent[key]))


def _totals(counters: Counters, names: Sequence[str]) -> dict[tuple[str, str], Totals]:
    """Return the counts of each route, by stream and route, in the order of ``names``."""
    tables = [table.copy() for table in (counters.backlog, counters.feed) if table]
    totals: dict[tuple[str, str], Totals] = {}
    for table in tables:
        for key, row in table.items():
            numbers = _numbers(row, names)
            earlier = totals.get(key)
            totals[key] = numbers if earlier is None else tuple(map(int.__add__, earlier, numbers))
    return totals


def _numbers(row: Mapping[str, int], names: Sequence[str]) -> Totals:
    """Return the counts of a row in the order of ``names``; rows of this process have all of them."""
    numbers = tuple(row.values())
    return numbers if tuple(row) == names else tuple(row.get(name, 0) for name in names)


def _address(service: Service) -> SnapshotAddress:
    keys = GroupKeys.of(service.config.name, service.config.group, service.config.dead_letter)
    return SnapshotAddress(keys, service.processor.consumer_name)
