"""Former names of routes: exactly one route takes over the retries of a former name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streamroute.config.document import RouteConfig
from streamroute.config.yaml.source import DataPath
from streamroute.text.suggestions import did_you_mean


class FormerNames:
    """The former names that routes declare; iterates over the route, the path below it, and the name."""

    def __init__(self, routes: Sequence[RouteConfig]) -> None:
        self._stating = [route for route in routes if route.formerly]
        named = (route for route in reversed(routes) if "name" not in route.invalid_keys)
        self._owners = {route.name: route for route in named} if self._stating else {}

    def __iter__(self) -> Iterator[tuple[RouteConfig, DataPath, str]]:
        for route in self._stating:
            for index, name in enumerate(route.formerly):
                yield route, ("formerly", index), name

    def owner_of(self, name: str, route: RouteConfig) -> RouteConfig | None:
        """The route that has this name today, ``route`` itself first; None if there is none."""
        return route if name == route.name else self._owners.get(name)


def current_name_of(name: str, routes: Iterable[RouteConfig]) -> str | None:
    """The current name of the route formerly called ``name``, else the most similar name, or None."""
    known = {route.name: route for route in routes}
    renamed = (route.name for route in known.values() if name in route.formerly)
    return next(renamed, None) or did_you_mean(name, known)
