"""What is checked over all routes of a document: names, streams, types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streamroute.config.diagnostics import Finding
from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.suggestions import did_you_mean

_PATTERN_SIGNS = frozenset("*?[]")


def check_routes(document: Document) -> Iterator[Finding]:
    """Findings about the routes as declared; no handler and no filter is looked at."""
    first_of: dict[str, RouteConfig] = {}
    for route in document.routes:
        first = first_of.setdefault(route.name, route)
        if first is not route:
            yield _duplicate(route, first)
        yield from _check_streams(route, document.streams)
        yield from _check_types(route)


def _duplicate(route: RouteConfig, first: RouteConfig) -> Finding:
    source = first.place.source
    line = source.span((*first.place.path, "name")).line
    where = f"line {line}" if source is route.place.source else f"{source.path}:{line}"
    message = f'there is another route "{route.name}", on {where}'
    help_text = "a route's name is unique over all files: it lives on in metrics, retries and dead letters"
    return route.place.finding("SR201", message, at=("name",), help=help_text)


def _check_streams(route: RouteConfig, streams: Mapping[str, StreamConfig]) -> Iterator[Finding]:
    if not route.streams:
        names = ", ".join(f'"{name}"' for name in streams)
        message = f'the route "{route.name}" names no stream, and there are several: {names}'
        yield route.place.finding("SR203", message, on="first-key", help="add stream: to the route")
    for index, name in enumerate(route.streams):
        if name not in streams:
            meant = did_you_mean(name, streams)
            at = ("stream", index)
            yield route.place.finding("SR202", f'no stream "{name}" is declared', at=at, suggestion=meant)


def _check_types(route: RouteConfig) -> Iterator[Finding]:
    for index, name in enumerate(route.types):
        if not _PATTERN_SIGNS.isdisjoint(name):
            message = f'the type "{name}" is a pattern, and a route takes types by name only'
            help_text = "list each type: type: [booking.confirmed, booking.cancelled]"
            yield route.place.finding("SR204", message, at=("type", index), help=help_text)
