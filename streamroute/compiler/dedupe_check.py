"""What is checked of a route's dedupe: its key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.expressions import check_expression
from streamroute.config.diagnostics import Finding
from streamroute.config.document import RouteConfig
from streamroute.config.source import DataPath

_AT: Final[DataPath] = ("dedupe", "key")


def check_dedupe(route: RouteConfig) -> Iterator[Finding]:
    """Findings about the key's expression, where the route has one."""
    if route.dedupe is None:
        return
    for problem in check_expression(route.dedupe.key):
        end = len(route.dedupe.key) if problem.end is None else problem.end
        yield route.place.finding(
            problem.code, problem.message, at=_AT, within=(problem.start, end), help=problem.help,
            suggestion=problem.suggestion,
        )  # fmt: skip
