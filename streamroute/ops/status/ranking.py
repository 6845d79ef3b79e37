"""Rank the active routes of all streams by what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from streamroute.ops.status.route_status import RouteStatus
    from streamroute.ops.status.stream_status import Status


class Ranking(StrEnum):
    """By what routes are ranked, the highest first."""

    RATE = "rate"
    """Messages a second."""
    LATENCY = "latency"
    """The time that 99% of the runs of the handler do not exceed, then the median."""
    FAILURES = "failures"
    """Failures a second."""


class RankedRoute(NamedTuple):
    """A route of a stream."""

    stream: str
    status: RouteStatus

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"stream": self.stream, **self.status.as_dict()}


def rank(status: Status, ranking: Ranking, containing: str = "") -> list[RankedRoute]:
    """Return the active routes whose name, or whose stream's, contains a text in any case."""
    wanted = containing.casefold()
    routes = (RankedRoute(stream.stream, route) for stream in status.streams for route in stream.routes)
    chosen = [one for one in routes if wanted in f"{one.stream} {one.status.route}".casefold()]
    key = _KEYS[ranking]
    return sorted(
        chosen, key=lambda one: (*(-number for number in key(one.status)), one.stream, one.status.route)
    )


_KEYS: Final[Mapping[Ranking, Callable[[RouteStatus], tuple[float, ...]]]] = {
    Ranking.RATE: lambda route: (route.rate, route.running),
    Ranking.LATENCY: lambda route: (route.p99 or 0.0, route.p50 or 0.0, route.rate),
    Ranking.FAILURES: lambda route: (route.failure_rate, route.rate),
}
