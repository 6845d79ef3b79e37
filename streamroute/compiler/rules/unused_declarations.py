"""Streams that no route takes messages from, and types of the catalogue that no route takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamroute.compiler.resolve.references import is_built_in
from streamroute.config.document import Document, RouteConfig
from streamroute.config.findings.finding import Finding


def check_unrouted(document: Document, routes: Sequence[RouteConfig]) -> Iterator[Finding]:
    """Findings about what is declared and not used; ``routes`` have their types expanded.

    A disabled route uses what it names, a stream that is forwarded to is written with its codec, and a
    configuration without any routes has only just begun.
    """
    if not routes:
        return
    used = {stream for route in routes for stream in route.streams}
    used |= {str(route.arguments.get("stream")) for route in routes if is_built_in(route.handler)}
    is_known = not any("stream" in route.invalid_keys for route in routes)
    for name, stream in document.streams.items():
        if is_known and name not in used:
            message = f'the stream "{name}" has no routes: nothing here consumes it'
            yield stream.location.finding("SR211", message, on="key")
    if not all(route.types for route in routes):
        return  # a pattern matches nothing: what it was to match is not known
    taken = {kind for route in routes for kind in route.types}
    for kind, declared in document.messages.items():
        if kind not in taken:
            yield declared.location.finding("SR212", f'no route takes the type "{kind}"', on="key")
