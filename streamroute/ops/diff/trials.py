"""The canaries of a stream, as far as they decide which of two routes gets an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from streamroute.compiler.dry_run import DryRun, route_filter
from streamroute.compiler.trials.canaries import Canaries
from streamroute.config.document import RouteConfig


class Trial(NamedTuple):
    """How a canary divides the events between two routes; ``is_canary`` tells on which side a route is."""

    is_canary: bool
    name: str
    percent: float
    key: str
    filter: str | None
    on_filter_error: str


class Trials:
    """The canaries among the live routes of one stream."""

    def __init__(self, routes: Iterable[RouteConfig]) -> None:
        live = {route.name: route for route in routes}
        canaries = [route for route in live.values() if route.canary is not None]
        self._live = live
        self._of_canary = {route.name: route for route in canaries}
        self._of_other = {route.instead_of: route for route in canaries}
        self._filters = Canaries(live.values(), route_filter) if canaries else None

    def trial_of(self, route: RouteConfig) -> Trial | None:
        """Return the trial of a route; None if it is not a canary and has none."""
        canary = self._canary_of(route)
        if canary is None or canary.canary is None:
            return None
        return Trial(
            canary.name == route.name,
            canary.name,
            canary.canary.percent,
            canary.canary.key,
            canary.filter,
            canary.on_filter_error,
        )

    def with_partner(self, route: RouteConfig | None) -> list[RouteConfig]:
        """Return a route, and the route on the other side of its trial, if any."""
        if route is None:
            return []
        canary = self._canary_of(route)
        if canary is None:
            return [route]
        partner = canary if canary.name != route.name else self._live.get(canary.instead_of or "")
        return [route] if partner is None else [route, partner]

    def dry_run(self, route: RouteConfig) -> DryRun:
        """Compile a route, which takes the events of its side only."""
        if self._filters is None:
            return DryRun.of(route)
        accepts: Callable[[Any], bool] | None = self._filters.filter_of(route)
        return DryRun(accepts, route.transform)

    def _canary_of(self, route: RouteConfig) -> RouteConfig | None:
        if not route.is_live:
            return None
        return self._of_canary.get(route.name) or self._of_other.get(route.name)
