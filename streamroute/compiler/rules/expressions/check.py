"""Check the expressions of a document: filters, transforms, dedupe keys, and ``order_by``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streamroute.compiler.rules.checked_expression import CheckedExpression
from streamroute.compiler.rules.expressions.route_expressions import RouteExpressions, traits_of
from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.schema.replaced_values import has_variable
from streamroute.config.yaml.source import SourceLocation
from streamroute.expressions.lint import check_expression
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.transform_checks import check_transform
from streamroute.expressions.types.check import check_types


def check_filter(route: RouteConfig, expressions: RouteExpressions) -> Iterator[CheckedExpression]:
    """Check the filter of a route, if it has one."""
    if route.filter is not None:
        problems = expressions.check(route.filter, route, condition=True)
        yield CheckedExpression(route.location, ("filter",), route.filter, problems)


def check_transform_of(route: RouteConfig, expressions: RouteExpressions) -> Iterator[CheckedExpression]:
    """Check the transform of a route, if it has one."""
    text = route.transform
    if text is not None:
        problems = expressions.check(text, route, condition=False)
        if not problems:
            problems = [problem for problem in [check_transform(parse(text))] if problem is not None]
        yield CheckedExpression(route.location, ("transform",), text, problems)


def check_dedupe_key(route: RouteConfig, expressions: RouteExpressions) -> Iterator[CheckedExpression]:
    """Check the dedupe key of a route, if it has one."""
    if route.dedupe is not None:
        problems = expressions.check(route.dedupe.key, route, condition=False)
        yield CheckedExpression(route.location, ("dedupe", "key"), route.dedupe.key, problems)


def check_canary_key(route: RouteConfig, expressions: RouteExpressions) -> Iterator[CheckedExpression]:
    """Check the key of a route's canary, if it is one."""
    if route.canary is not None:
        problems = expressions.check(route.canary.key, route, condition=False)
        yield CheckedExpression(route.location, ("canary", "key"), route.canary.key, problems)


def check_order_by(document: Document, expressions: RouteExpressions) -> Iterator[CheckedExpression]:
    """Check each ``order_by``: that of the defaults, and those of streams."""
    for location, streams in _streams_by_location(document).items():
        text = str(streams[0].order_by)
        checked = CheckedExpression(location, ("order_by",), text, check_expression(text))
        if not checked.has_errors:
            traits = traits_of(stream.codec for stream in streams)
            typed = check_types(
                parse(text), condition=False, traits=traits, get_evidence=expressions.get_evidence
            )
            checked = checked._replace(problems=[*checked.problems, *typed])
        yield checked


def _streams_by_location(document: Document) -> Mapping[SourceLocation, list[StreamConfig]]:
    """The streams with a usable ``order_by``, by the place that states it."""
    streams: dict[SourceLocation, list[StreamConfig]] = {}
    for stream in document.streams.values():
        raw_text = stream.location.value("order_by")
        if stream.order_by is None or not (raw_text in (None, stream.order_by) or has_variable(raw_text)):
            continue  # not stated, or unusable, which is reported elsewhere
        streams.setdefault(document.location_of(stream, "order_by"), []).append(stream)
    return streams
