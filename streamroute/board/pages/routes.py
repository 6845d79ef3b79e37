"""The routes of a stream: their picture with live rates, and a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.errors import InvalidInputError
from streamroute.board.page import Page
from streamroute.ops.route_graph.graph import Graph, Layer, graph_of
from streamroute.ops.route_graph.layout import GAP, LINE, Layout, lay_out
from streamroute.ops.status.route_status import RouteStatus

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService
    from streamroute.config.document import Document, RouteConfig

_MAX_DRAWN: Final = 60
"""Routes in the picture; more make it unreadable."""
_MAX_ROWS: Final = 500
_NO_ACTIVITY: Final = RouteStatus("")


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A route of the table, with what it did in the last minute."""

    route: RouteConfig
    stream: str
    status: RouteStatus


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of routes; ``rates`` are those of the routes by the keys of their boxes."""

    graph: Graph
    layout: Layout
    rates: Mapping[str, float]


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page; ``?stream=`` selects one stream."""
    document = service.document
    stream = request.query_params.get("stream") or None
    if stream is not None and stream not in document.streams:
        raise InvalidInputError(f'the stream "{stream}" is not configured')
    rows = await _rows(service, stream)
    shown = [row for row in rows if row.route.name in {row.route.name for row in rows[:_MAX_DRAWN]}]
    return {
        "stream": stream,
        "streams": list(document.streams),
        "rows": rows[:_MAX_ROWS],
        "left_out": max(0, len(rows) - _MAX_ROWS),
        "picture": _picture(document, stream, shown) if len(rows) <= _MAX_DRAWN else None,
        "paused": {(item.stream, item.route) for item in await service.paused() if item.pause is not None},
        "gap": GAP,
        "line": LINE,
    }


async def _rows(service: BoardService, stream: str | None) -> list[RouteRow]:
    """Return the routes: the busiest first, then the others in the order of the configuration."""
    status = await service.status()
    known = {(each.stream, route.route): route for each in status.streams for route in each.routes}
    rows = [
        RouteRow(route, name, known.get((name, route.name), _NO_ACTIVITY))
        for route in service.document.routes
        for name in route.streams
        if stream in (None, name)
    ]
    return sorted(rows, key=lambda row: (-row.status.rate, -row.status.failure_rate))


def _picture(document: Document, stream: str | None, rows: list[RouteRow]) -> Picture | None:
    if not rows:
        return None
    routes = list({row.route.name: row.route for row in rows}.values())
    graph = graph_of([stream] if stream else document.streams, routes)
    rates: dict[str, float] = {}
    for row in rows:
        rates[row.route.name] = rates.get(row.route.name, 0.0) + row.status.rate
    by_key = {node.key: rates.get(node.label, 0.0) for node in graph.layer(Layer.ROUTE)}
    return Picture(graph, lay_out(graph), by_key)


PAGE: Final = Page("/routes", "Routes", "routes.html", load, in_navigation=True, parts=("picture", "table"))
