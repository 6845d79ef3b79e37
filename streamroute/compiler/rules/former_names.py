"""Former names: what waits under an old name must have exactly one route, or group, that takes it over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streamroute.config.document import Document, RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.suggestions import did_you_mean
from streamroute.config.yaml.source import DataPath


def check_former_names(document: Document) -> Iterator[Finding]:
    """Findings about the former names of routes, and about the former groups of streams."""
    yield from _check_routes(document.routes)
    yield from _check_groups(document)


def route_meant_by(name: str, routes: Iterable[RouteConfig]) -> str | None:
    """The name of the route that was called ``name`` before, else the nearest name, or None."""
    known = {route.name: route for route in routes}
    renamed = (route.name for route in known.values() if name in route.formerly)
    return next(renamed, None) or did_you_mean(name, known)


# Routes


def _check_routes(routes: Sequence[RouteConfig]) -> Iterator[Finding]:
    if not any(route.formerly for route in routes):
        return
    owners = {route.name: route for route in reversed(routes) if "name" not in route.invalid_keys}
    heirs: dict[tuple[str, str], RouteConfig] = {}
    for route in routes:
        for index, name in enumerate(route.formerly):
            at = ("formerly", index)
            owner = route if name == route.name else owners.get(name)
            if owner is not None:
                yield _in_use(route, at, owner)
                continue
            keys = [(stream, name) for stream in route.streams]
            first = next((heirs[key] for key in keys if key in heirs), route)
            if first.name != route.name:  # two routes of one name are a finding of their own
                yield _stated_twice(route, at, name, first)
            heirs.update((key, route) for key in keys if key not in heirs)


def _in_use(route: RouteConfig, at: DataPath, owner: RouteConfig) -> Finding:
    if owner is route:
        message = f'"{route.name}" is the current name of this route'
        return route.location.finding("SR206", message, at=at, help="state only names that it had before")
    where = owner.location.line_seen_from(route.location.source, ("name",))
    which = "another" if owner.enabled else "a disabled"
    message = f'the former name "{owner.name}" is the name of {which} route, on {where}'
    help_text = "only a name that no route has can be taken over: remove that route, or this former name"
    if not owner.enabled:
        help_text = "a disabled route still has its name: remove that route, or this former name"
    return route.location.finding("SR206", message, at=at, help=help_text)


def _stated_twice(route: RouteConfig, at: DataPath, name: str, first: RouteConfig) -> Finding:
    where = first.location.line_seen_from(route.location.source, ("formerly",))
    message = f'"{name}" is a former name of the route "{first.name}" too, on {where}'
    help_text = "what waits under a name goes to one route only: remove the name from one of them"
    return route.location.finding("SR207", message, at=at, help=help_text)


# Groups


def _check_groups(document: Document) -> Iterator[Finding]:
    known = (
        stream
        for stream in document.streams.values()
        if not stream.unresolved_keys & {"group", "formerly_group"}
    )
    unchanged = (stream for stream in known if stream.formerly_group == stream.group)
    stated = dict.fromkeys(document.stated(stream, "formerly_group", "group") for stream in unchanged)
    for place, key in stated:
        message = '"formerly_group" is the current name of the group'
        if key == "group":
            message = 'the group of this stream is the "formerly_group" of the defaults'
        help_text = 'state "formerly_group" only in streams whose group was renamed'
        yield place.finding("SR208", message, at=(key,), help=help_text)
