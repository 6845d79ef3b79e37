"""What is checked over all routes of a document: names, streams, types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from streamroute.compiler.rules.unlikely_types import check_unlikely_types
from streamroute.compiler.type_patterns import TypePatterns, is_pattern
from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.suggestions import did_you_mean


def check_routes(document: Document, patterns: TypePatterns) -> Iterator[Finding]:
    """Findings about the routes as declared; no handler and no filter is looked at."""
    first_of: dict[str, RouteConfig] = {}
    for route in document.routes:
        first = first_of.setdefault(route.name, route)
        if first is not route and "name" not in route.invalid_keys:
            yield _duplicate(route, first)
        yield from _check_streams(route, document.streams)
        yield from _check_types(route, document, patterns)
        yield from check_unlikely_types(route, document)


def _duplicate(route: RouteConfig, first: RouteConfig) -> Finding:
    where = first.location.line_seen_from(route.location.source, ("name",))
    message = f'there is another route "{route.name}", on {where}'
    help_text = "a route's name is unique over all files: it lives on in metrics, retries and dead letters"
    return route.location.finding("SR201", message, at=("name",), help=help_text)


def _check_streams(route: RouteConfig, streams: Mapping[str, StreamConfig]) -> Iterator[Finding]:
    if not route.streams and "stream" not in route.invalid_keys:
        names = ", ".join(f'"{name}"' for name in streams)
        who = "this route" if "name" in route.invalid_keys else f'the route "{route.name}"'
        message = f"{who} names no stream, and there are several: {names}"
        yield route.location.finding("SR203", message, on="first-key", help="add stream: to the route")
    for index, name in enumerate(route.streams):
        if name not in streams:
            meant = did_you_mean(name, streams)
            at = ("stream", index)
            several = [part.strip() for part in re.split("[,;]", name)]
            advice = f"write [{', '.join(several)}]" if len(several) > 1 and not meant else None
            message = f'no stream "{name}" is declared'
            yield route.location.finding("SR202", message, at=at, suggestion=meant, help=advice)


def _check_types(route: RouteConfig, document: Document, patterns: TypePatterns) -> Iterator[Finding]:
    for index, name in enumerate(route.types):
        if not is_pattern(name):
            continue
        at = ("type", index)
        if not document.messages:
            message = f'the type "{name}" is a pattern, and there is no catalogue to match it with'
            help_text = "declare the types under messages:, or list each: [order.paid, order.sent]"
            yield route.location.finding("SR204", message, at=at, help=help_text)
        elif not patterns.matches(name) and not patterns.is_exhausted:
            message = f'the pattern "{name}" matches no type of the catalogue'
            meant = did_you_mean(name, [f"{known.rpartition('.')[0]}.*" for known in document.messages])
            yield route.location.finding("SR205", message, at=at, suggestion=meant)
