"""The tail: messages as they come, or how they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.errors import InvalidInputError
from streamroute.board.page import Page
from streamroute.expressions.explain.trace_explanation import as_text
from streamroute.expressions.filters import compile_filter
from streamroute.expressions.problem import ExpressionError
from streamroute.ops.tail.outcome_names import OUTCOMES, results_of
from streamroute.ops.tail.outcomes import tail_outcomes
from streamroute.ops.tail.query import TailQuery
from streamroute.ops.tail.records import TailItem, TailRecord
from streamroute.ops.tail.tail import tail
from streamroute.ops.tail.viewer import Viewer
from streamroute.text.safe_text import safe_repr
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService
    from streamroute.expressions.filters import Filter

LAST: Final = 30
"""Messages that are shown at first."""
_MAX_EXPRESSION: Final = 2_000
_LONGEST: Final = 4_000  # characters of a payload
_LARGE: Final = 65_536  # bytes of an entry
_MAX_RECEIVED: Final = 20  # routes of which is shown what they receive


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page: the newest messages, and what the form selects."""
    query, shown = _query(service, request), dict(request.query_params)
    items = [] if query.outcomes else await _newest(service, query)
    return {
        "streams": list(service.document.streams),
        "routes": [route.name for route in service.document.routes][:1000],
        "outcomes": OUTCOMES,
        "selected": {
            name: shown.get(name, "") for name in ("stream", "type", "where", "route", "outcome", "transform")
        },
        "items": [values_of(item) for item in items],
        "watches_outcomes": bool(query.outcomes),
        "hides_fields": bool(service.document.redact),
    }


def follow(service: BoardService, request: Request) -> AsyncGenerator[TailItem, None]:
    """Return the messages that come from now on; raises InvalidInputError for a selection that is none."""
    query = _query(service, request, follows=True)
    viewer = Viewer(service.config.compiled, query)
    if query.outcomes:
        return tail_outcomes(service.redis, service.document, query, viewer)
    return tail(service.redis, query, viewer)


def values_of(item: TailItem) -> dict[str, Any]:
    """Return an item as values for the template ``_tail_item.html``."""
    if not isinstance(item, TailRecord):
        return {"notice": item.text}
    message = item.message
    received = [
        (route.name, _text(route.received, message.size))
        for route in message.routes
        if route.received is not None
    ]
    return {
        "notice": "",
        "message": message,
        "outcome": item.outcome,
        "payload": _text(message.payload, message.size),
        "received": received[:_MAX_RECEIVED],
        "running": [route.name for route in message.routes if route.runs],
    }


def _text(payload: Any, size: int) -> str:
    if payload is None:
        return ""
    if size > _LARGE:
        return clip(safe_repr(payload, _LONGEST), _LONGEST)  # it stops early; JSON would be written in full
    return clip(as_text(payload, _LONGEST), _LONGEST)


async def _newest(service: BoardService, query: TailQuery) -> list[TailItem]:
    viewer = Viewer(service.config.compiled, query)
    async with service.computing, aclosing(tail(service.redis, query, viewer)) as items:
        return [item async for item in items][-LAST:]


def _query(service: BoardService, request: Request, *, follows: bool = False) -> TailQuery:
    chosen = request.query_params
    stream, route, outcome = chosen.get("stream", ""), chosen.get("route", ""), chosen.get("outcome", "")
    if stream and stream not in service.document.streams:
        raise InvalidInputError("this stream is not configured")
    if route and all(route != each.name for each in service.document.routes):
        raise InvalidInputError("this route is not configured")
    if outcome and outcome not in OUTCOMES:
        raise InvalidInputError("there is no such outcome")
    kind, where = chosen.get("type", "").strip(), chosen.get("where", "").strip()
    return TailQuery(
        streams=(stream,) if stream else tuple(service.document.streams),
        types=frozenset([kind] if kind else []),
        where=_filter(where) if where else None,
        redacted=True,  # visitors could guess hidden values by trying filters
        routes=frozenset([route] if route else []),
        transforms=chosen.get("transform") == "after",
        last=0 if follows else LAST,
        follows=follows,
        outcomes=results_of([outcome] if outcome else []),
    )


def _filter(where: str) -> Filter:
    if len(where) > _MAX_EXPRESSION:
        raise InvalidInputError(f"the filter is longer than {_MAX_EXPRESSION} characters")
    try:
        return compile_filter(where)
    except ExpressionError as error:
        raise InvalidInputError(f"the filter cannot be used: {error}") from None


PAGE: Final = Page("/tail", "Tail", "tail.html", load, in_navigation=True, rows=follow)
