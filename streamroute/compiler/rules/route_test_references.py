"""What is checked of tests against the routes that they are about, before any of them runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from streamroute.compiler.rules.former_names import route_meant_by
from streamroute.config.document import Document, RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.suggestions import did_you_mean
from streamroute.config.route_tests import EntryReference, RouteTest
from streamroute.config.yaml.source import DataPath, Part


def check_expectations(document: Document, tests: Iterable[RouteTest]) -> Iterator[Finding]:
    """Findings about names that a test uses: of routes, of streams."""
    routes = {route.name: route for route in document.routes}
    for test in tests:
        yield from _check_streams(test, document)
        for name, at in _named(test):
            yield from _check_route(test, name, at, routes)
        yield from _check_sense(test)


def _named(test: RouteTest) -> Iterator[tuple[str, DataPath]]:
    """Each route that a test names, and where."""
    for index, name in enumerate(test.routes):
        yield name, ("routes", index)
    for index, name in enumerate(test.dead_letter):
        yield name, ("dead_letter", index)
    for name in test.transform:
        yield name, ("transform", name)


def _check_route(
    test: RouteTest, name: str, at: DataPath, routes: Mapping[str, RouteConfig]
) -> Iterator[Finding]:
    route = routes.get(name)
    on: Part = "key" if at[0] == "transform" else "value"
    if route is None:
        meant = route_meant_by(name, routes.values())
        yield test.location.finding("SR601", f'there is no route "{name}"', at=at, on=on, suggestion=meant)
    elif not route.enabled and on == "value":
        help_text = "enable the route, or take it out of the test"
        message = f'the route "{name}" is disabled, and takes no message'
        yield test.location.finding("SR602", message, at=at, help=help_text)


def _check_streams(test: RouteTest, document: Document) -> Iterator[Finding]:
    named: list[tuple[str, DataPath]] = []
    if test.stream is not None:
        named.append((test.stream, ("stream",)))
    if isinstance(test.message, EntryReference):
        named.append((test.message.stream, ("message", "stream")))
    for name, at in named:
        if name not in document.streams:
            meant = did_you_mean(name, document.streams)
            yield test.location.finding("SR601", f'there is no stream "{name}"', at=at, suggestion=meant)


def _check_sense(test: RouteTest) -> Iterator[Finding]:
    for index, name in enumerate(test.dead_letter):
        if name in test.routes:
            message = f'"{name}" cannot both take the message and fail before its handler'
            yield test.location.finding("SR605", message, at=("dead_letter", index))
    for name in test.transform:
        if name not in test.routes:
            message = f'the handler of "{name}" gets nothing: "routes" does not list it'
            yield test.location.finding("SR605", message, at=("transform", name), on="key")
