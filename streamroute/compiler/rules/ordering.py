"""The order of a stream: what ``order_by`` makes of a message, and what is checked of it.

A message whose key is null or missing, or on which the expression fails, has none: it starts beside others.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.compiler.rules.route_expressions import habits_of
from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.replaced import finding_about, is_replaced
from streamroute.config.findings.rules import RULES
from streamroute.config.yaml.source import DataPath, Place
from streamroute.expansion import refuse_expanding
from streamroute.expressions.lint import check_expression
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.check import check_types
from streamroute.text.log_coalescing import NEVER_COALESCED

if TYPE_CHECKING:
    from streamroute.compiler.rules.route_expressions import RouteExpressions
    from streamroute.core.consume.key_ordering import KeyOf

log = logging.getLogger(__name__)

_AT: Final[DataPath] = ("order_by",)
_CUT_SHORT: Final = 'YAML takes everything from " #" on as a comment, and cuts the expression short'
_NO_ORDER: Final = "equal keys start in order within one worker; between several workers there is no order"


def order_key(expression: str) -> KeyOf:
    """The key of a payload, for ``RedisStreamProcessor(order_by=...)``.

    Raises ExpressionError for an expression that no message can heal.
    """
    from streamroute.expressions.filters import in_words
    from streamroute.expressions.values import compile_value

    evaluate, warned = compile_value(expression), False

    def key_of(payload: dict[str, Any]) -> Hashable | None:
        nonlocal warned
        try:
            return _hashable(evaluate(payload))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the message starts without an order
            if not warned:
                warned = True
                said = "order_by %s fails, and its messages are not ordered: %s"
                log.warning(said, expression, in_words(error), extra=NEVER_COALESCED)
            return None

    return key_of


def _hashable(value: Any) -> Hashable | None:
    """What is equal where JMESPath says that two values are: true is not 1."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, (int, float)):
        return value if type(value) in (int, float) else float(value)
    refuse_expanding(value)
    return ("json", json.dumps(value, sort_keys=True, default=repr))


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


def _stated(document: Document) -> Mapping[Place, list[StreamConfig]]:
    """The streams of each ``order_by`` that counts, by the place that states it."""
    found: dict[Place, list[StreamConfig]] = {}
    for stream in document.streams.values():
        written = stream.place.value("order_by")
        if stream.order_by is None or not (written in (None, stream.order_by) or is_replaced(written)):
            continue  # there is none, or it cannot be used, and a finding says why
        found.setdefault(document.place_of(stream, "order_by"), []).append(stream)
    return found


def _is_cut_short(place: Place, expression: str) -> bool:
    """Whether the expression is one only together with what YAML took for a comment."""
    comment = place.comment_after(_AT)
    return comment is not None and not check_expression(f"{expression} {comment}")
