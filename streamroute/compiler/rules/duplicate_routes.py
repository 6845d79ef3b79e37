"""Twins: two routes by which one handler would run twice for the same messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.lexer import tokenize


def check_twins(routes: Iterable[RouteConfig]) -> Iterator[Finding]:
    """Findings about routes that do what one before them does; ``routes`` have their types expanded."""
    before: dict[tuple[str, ...], list[RouteConfig]] = {}
    for route in routes:
        if not route.enabled:
            continue
        arguments = json.dumps(route.arguments, sort_keys=True, default=str) if route.arguments else ""
        outline = (route.handler, _outline(route.filter), _outline(route.transform), arguments)
        keys = [(stream, kind, *outline) for stream in route.streams for kind in route.types]
        others = (other for key in keys for other in before.get(key, ()))
        twin = next((other for other in others if _does_the_same(route, other)), None)
        if twin is not None:
            yield _finding(route, twin)
        for key in keys:
            before.setdefault(key, []).append(route)


def _outline(expression: str | None) -> str:
    """An expression without any white space: where these differ, the expressions do."""
    return "" if expression is None else "".join(expression.split())


def _does_the_same(one: RouteConfig, two: RouteConfig) -> bool:
    if one is two or one.name == two.name:
        return False  # a name that is there twice is a finding of its own
    if one.arguments != two.arguments:
        return False
    return _tokens(one.filter) == _tokens(two.filter) and _tokens(one.transform) == _tokens(two.transform)


def _tokens(expression: str | None) -> list[tuple[str, Any]] | None:
    """An expression as its white space does not matter."""
    if expression is None:
        return None
    try:
        return [(token["type"], token["value"]) for token in tokenize(expression)]
    except ExpressionError:
        # It is a finding of its own, and equals nothing but itself.
        return [("text", expression)]


def _finding(route: RouteConfig, twin: RouteConfig) -> Finding:
    where = twin.location.line_seen_from(route.location.source, ("name",))
    message = f'the route "{route.name}" does what "{twin.name}" does, on {where}: {route.handler} runs twice'
    help_text = "they take the same type by the same filter; leave one of them out"
    return route.location.finding("SR210", message, at=("name",), help=help_text)
