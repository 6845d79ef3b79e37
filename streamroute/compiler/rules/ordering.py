"""The order of a stream: what ``order_by`` makes of a message, and what is checked of it.

A message whose key is null or missing, or on which the expression fails, has none: it starts beside others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from streamroute.compiler.rules.route_expressions import habits_of
from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import RULES
from streamroute.config.schema.replaced_values import finding_about, has_variable
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.expressions.lint import check_expression
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.check import check_types

if TYPE_CHECKING:
    from streamroute.compiler.rules.route_expressions import RouteExpressions


_AT: Final[DataPath] = ("order_by",)
_CUT_SHORT: Final = 'YAML takes everything from " #" on as a comment, and cuts the expression short'
_NO_ORDER: Final = "equal keys start in order within one worker; between several workers there is no order"


# What is checked.


def check_order(document: Document, expressions: RouteExpressions) -> Iterator[Finding]:
    """Findings about each ``order_by``: the defaults' own, and those of streams."""
    for place, streams in _stated(document).items():
        expression = str(streams[0].order_by)
        problems = check_expression(expression)
        is_wrong = any(RULES[problem.code].severity is Severity.ERROR for problem in problems)
        if not is_wrong:
            habits = habits_of(stream.codec for stream in streams)
            problems += check_types(
                parse(expression), condition=False, habits=habits, shown=expressions.shown
            )
        for problem in problems:
            end = len(expression) if problem.end is None else problem.end
            if problem.code == "SR301" and _is_cut_short(place, expression):
                yield place.finding("SR303", _CUT_SHORT, at=_AT, help="quote it, or write it under >-")
                continue
            yield finding_about(
                place, _AT, problem.code, problem.message, expression, within=(problem.start, end),
                help=problem.help, suggestion=problem.suggestion,
            )  # fmt: skip
        if not is_wrong:
            yield place.finding("SR218", _NO_ORDER, at=_AT)


def _stated(document: Document) -> Mapping[SourceLocation, list[StreamConfig]]:
    """The streams of each ``order_by`` that counts, by the place that states it."""
    found: dict[SourceLocation, list[StreamConfig]] = {}
    for stream in document.streams.values():
        written = stream.location.value("order_by")
        if stream.order_by is None or not (written in (None, stream.order_by) or has_variable(written)):
            continue  # there is none, or it cannot be used, and a finding says why
        found.setdefault(document.location_of(stream, "order_by"), []).append(stream)
    return found


def _is_cut_short(place: SourceLocation, expression: str) -> bool:
    """Whether the expression is one only together with what YAML took for a comment."""
    comment = place.comment_after(_AT)
    return comment is not None and not check_expression(f"{expression} {comment}")
