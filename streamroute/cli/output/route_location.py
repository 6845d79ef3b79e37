"""The location of a route: its file and line."""

from __future__ import annotations

from streamroute.config.document import RouteConfig


def place_of(route: RouteConfig) -> str:
    """Return the location of a route's name: ``routes.yaml:12``."""
    return f"{route.location.source.path}:{line_of(route)}"


def line_of(route: RouteConfig) -> int:
    """Return the line of a route's name, from 1."""
    return route.location.source.span((*route.location.path, "name")).line
