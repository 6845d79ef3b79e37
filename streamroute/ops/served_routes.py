"""The routes that run messages of a stream, and why others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.config.document import Document


def route_names(document: Document) -> dict[str, tuple[str, ...]]:
    """Return the names of each stream's enabled routes."""
    return {stream: tuple(route.name for route in document.served(stream)) for stream in document.streams}


def why_not_served(document: Document, route: str, stream: str | None = None) -> str | None:
    """Return why a route's handler does not run messages of a stream, or of any; None if it does."""
    found = next((each for each in document.routes if each.name == route), None)
    if found is None:
        return f'the route "{route}" is not configured'
    if not found.enabled:
        return f'the route "{route}" is disabled'
    if found.shadow:
        return f'the route "{route}" is a shadow, whose handler does not run'
    if stream is not None and stream not in found.streams:
        return f'the route "{route}" does not consume the stream "{stream}"'
    return None
