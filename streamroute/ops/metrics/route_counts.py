"""Route counts: what is counted at one route, by the keys of the declared metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamroute.core.observer import Result
from streamroute.ops.metrics.declarations import RouteMetric

RouteCounts = dict[str, int]
"""The counts of one route, by the keys of ``ROUTE_METRICS``; a plain dict is fastest."""

CountsByRoute = dict[tuple[str, str], RouteCounts]
"""Counts by stream and route."""


def counted_keys(
    metrics: Sequence[RouteMetric], result: Result, is_first: bool, has_route: bool
) -> tuple[str, ...]:
    """Return the keys that a result increments."""
    return tuple(
        metric.key
        for metric in metrics
        if metric.is_counted(result, is_first) and (has_route or metric.without_route)
    )


def add_counts(total: RouteCounts, counts: RouteCounts) -> None:
    """Add counts to a total."""
    for key, count in counts.items():
        total[key] = total.get(key, 0) + count


def without_zeros(counts: RouteCounts) -> RouteCounts:
    """Return the counts that are not 0."""
    return {key: count for key, count in counts.items() if count}


def int_values(counts: Mapping[str, Any]) -> dict[str, int]:
    """Return counts as read from JSON; raises TypeError or ValueError for other values."""
    return {name: int(count) for name, count in counts.items()}
