"""Pairs the routes of two configurations: by name, or by a former name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from streamroute.config.document import RouteConfig


class RoutePair(NamedTuple):
    """A route in the old and in the new configuration; None in the one that does not have it."""

    old: RouteConfig | None
    new: RouteConfig | None

    @property
    def name(self) -> str:
        """The route's name in the new configuration, or its last one."""
        route = self.new or self.old
        return "" if route is None else route.name

    @property
    def former_name(self) -> str:
        """The route's name in the old configuration if it is another one, else empty."""
        return self.old.name if self.old is not None and self.old.name != self.name else ""

    @property
    def names(self) -> frozenset[str]:
        """The names of the route in both configurations."""
        return frozenset(route.name for route in self if route is not None)


def pair_routes(old: Sequence[RouteConfig], new: Sequence[RouteConfig]) -> list[RoutePair]:
    """Return the pairs in the order of the new routes, then the removed routes.

    Exchanging ``old`` and ``new`` exchanges the routes of each pair.
    """
    of_old = {route.name: route for route in old}
    partner = {route.name: of_old[route.name] for route in new if route.name in of_old}
    gone = [route for route in old if route.name not in partner]
    added = [route for route in new if route.name not in partner]
    partner |= dict(_renamed(gone, added))
    taken = {route.name for route in partner.values()}
    pairs = [RoutePair(partner.get(route.name), route) for route in new]
    return pairs + [RoutePair(route, None) for route in old if route.name not in taken]


def _renamed(gone: Iterable[RouteConfig], added: Iterable[RouteConfig]) -> Iterator[tuple[str, RouteConfig]]:
    """Yield the new name of each renamed route with the old route; each route is renamed once."""
    of_gone, of_added = ({route.name: route for route in routes} for routes in (gone, added))
    renames = [
        *((at, was, route.name) for route in of_added.values() for at, was in enumerate(route.formerly)),
        *((at, route.name, now) for route in of_gone.values() for at, now in enumerate(route.formerly)),
    ]
    for _, was, now in sorted(renames, key=lambda rename: (rename[0], sorted(rename[1:]))):
        if was in of_gone and now in of_added:
            del of_added[now]
            yield now, of_gone.pop(was)
