"""Where a route is written: its file and line."""

from __future__ import annotations

from streamroute.config.document import RouteConfig


def place_of(route: RouteConfig) -> str:
    """``routes.yaml:12``, where the route has its name."""
    return f"{route.location.source.path}:{line_of(route)}"


def line_of(route: RouteConfig) -> int:
    """The line on which a route has its name, from 1."""
    return route.location.source.span((*route.location.path, "name")).line
