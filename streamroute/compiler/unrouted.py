"""Streams that no route takes messages from, and types of the catalogue that no route takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streamroute.config.diagnostics import Finding
from streamroute.config.document import Document, RouteConfig

_FORWARD: Final = ("streamroute.handlers.forward", "streamroute.handlers:forward")


def check_unrouted(document: Document, routes: Sequence[RouteConfig]) -> Iterator[Finding]:
    """Findings about what is declared and not used; ``routes`` have their types expanded.

    A disabled route uses what it names, and a configuration without any routes has only just begun. A stream
    that a route forwards to may be declared for its codec alone.
    """
    if not routes:
        return
    used = {stream for route in routes for stream in (*route.streams, *_forwarded_to(route))}
    for name, stream in document.streams.items():
        if name not in used:
            message = f'the stream "{name}" has no routes: nothing here consumes it'
            yield stream.place.finding("SR211", message, on="key")
    if not all(route.types for route in routes):
        return  # a pattern matches nothing: what it was to match is not known
    taken = {kind for route in routes for kind in route.types}
    for kind, declared in document.messages.items():
        if kind not in taken:
            yield declared.place.finding("SR212", f'no route takes the type "{kind}"', on="key")


def _forwarded_to(route: RouteConfig) -> Sequence[str]:
    target = route.arguments.get("stream") if route.handler in _FORWARD else None
    return (target,) if isinstance(target, str) else ()
