"""Former names of routes: what waits under an old name has exactly one route that takes it over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streamroute.config.document import RouteConfig
from streamroute.config.findings.suggestions import did_you_mean
from streamroute.config.yaml.source import DataPath


class FormerNames:
    """The former names that routes state; iterates over route, path below it, and name."""

    def __init__(self, routes: Sequence[RouteConfig]) -> None:
        self._stating = [route for route in routes if route.formerly]
        named = (route for route in reversed(routes) if "name" not in route.invalid_keys)
        self._owners = {route.name: route for route in named} if self._stating else {}

    def __iter__(self) -> Iterator[tuple[RouteConfig, DataPath, str]]:
        for route in self._stating:
            for index, name in enumerate(route.formerly):
                yield route, ("formerly", index), name

    def owner_of(self, name: str, route: RouteConfig) -> RouteConfig | None:
        """The route that has this name today, the stating route itself first; None where none has."""
        return route if name == route.name else self._owners.get(name)


def current_name_of(name: str, routes: Iterable[RouteConfig]) -> str | None:
    """The name of the route that was called ``name`` before, else the nearest name, or None."""
    known = {route.name: route for route in routes}
    renamed = (route.name for route in known.values() if name in route.formerly)
    return next(renamed, None) or did_you_mean(name, known)
