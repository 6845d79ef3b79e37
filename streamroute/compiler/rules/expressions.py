"""Check the expressions of routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.route_expressions import RouteExpressions
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.schema.replaced_values import finding_about
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.transform_checks import check_transform

_CUT_SHORT: Final = 'YAML takes everything from " #" on as a comment, and cuts the expression short'


def check_route_expression(
    route: RouteConfig, key: str, expression: str | None, expressions: RouteExpressions
) -> Iterator[Finding]:
    if expression is None:
        return
    at: DataPath = (key,)
    problems = expressions.check(expression, route, condition=key == "filter")
    if key == "transform" and not problems:
        problems = [found for found in [check_transform(parse(expression))] if found is not None]
    for problem in problems:
        if problem.code == "SR301" and _is_cut_short(route, at, expression):
            help_text = "quote it, or write it under >-"
            yield route.location.finding("SR303", _CUT_SHORT, at=at, help=help_text)
        else:
            yield finding_of(route.location, at, problem, expression)


def _is_cut_short(route: RouteConfig, at: DataPath, expression: str) -> bool:
    """Whether the expression is one only together with what YAML took for a comment."""
    comment = route.location.comment_after(at)
    return comment is not None and not check_expression(f"{expression} {comment}")


def finding_of(place: SourceLocation, at: DataPath, problem: Problem, text: str) -> Finding:
    within = (problem.start, len(text) if problem.end is None else problem.end)
    return finding_about(
        place, at, problem.code, problem.message, text, within=within, help=problem.help,
        suggestion=problem.suggestion,
    )  # fmt: skip
