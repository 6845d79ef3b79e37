"""What is checked of a route's dedupe: its key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.yaml.source import DataPath
from streamroute.expressions.syntax.parser import Tree, parse, walk

if TYPE_CHECKING:
    from streamroute.compiler.rules.route_expressions import RouteExpressions

_AT: Final[DataPath] = ("dedupe", "key")
_LOOKS: Final = frozenset({"field", "identity", "current", "index", "value_projection"})
"""Nodes that look at the message."""


def check_dedupe(route: RouteConfig, expressions: RouteExpressions) -> Iterator[Finding]:
    """Findings about the key's expression, where the route has one."""
    if route.dedupe is None:
        return
    key = route.dedupe.key
    problems = expressions.check(key, route, condition=False)
    for problem in problems:
        end = len(key) if problem.end is None else problem.end
        yield route.location.finding(
            problem.code, problem.message, at=_AT, within=(problem.start, end), help=problem.help,
            suggestion=problem.suggestion,
        )  # fmt: skip
    if not problems and _is_constant(parse(key)):
        message = "the key is the same for every message, so that all but the first would be skipped"
        text = key.strip("'")
        advice = f"a path has no quotes: {text}" if key == f"'{text}'" else None
        yield route.location.finding("SR217", message, at=_AT, help=advice)


def _is_constant(tree: Tree) -> bool:
    return all(node["type"] not in _LOOKS for node, _, _ in walk(tree.root, 0, 0))
