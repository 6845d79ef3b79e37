"""The location of a route: its file and line."""

from __future__ import annotations

from streamroute.config.document import RouteConfig


def place_of(route: RouteConfig) -> str:
    """Return the location of a route's name: ``routes.yaml:12``."""
    return f"{route.location.source.path}:{route.line}"
