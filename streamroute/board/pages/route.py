"""One route: what it declares, what it does, and its failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.errors import PageNotFoundError
from streamroute.board.page import Page
from streamroute.board.pages.failures import last_hour
from streamroute.ops.status.route_status import RouteStatus
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService
    from streamroute.ops.status.stream_status import Status

_NO_ACTIVITY: Final = RouteStatus("")
_MAX_FAILURES: Final = 50


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page."""
    name: str = request.path_params["name"]
    route = next((route for route in service.document.routes if route.name == name), None)
    if route is None:
        raise PageNotFoundError(f'the route "{clip(name, NAME)}" is not configured')
    status, report = await service.status(), await service.failures()
    names = {name, *route.formerly}
    return {
        "title": name,
        "route": route,
        "rows": [(stream, _of(status, stream, name)) for stream in route.streams],
        "running": [
            (stream.stream, worker.consumer, entry)
            for stream in status.streams
            for worker in stream.workers
            for entry in worker.running
            if entry.route == name
        ],
        "failures": [row for row in report.groups if row.group.route in names][:_MAX_FAILURES],
        "now": report.now,
        "paused": [item for item in await service.paused() if item.route in names],
        "last_hour": last_hour,
    }


def _of(status: Status, stream: str, name: str) -> RouteStatus:
    routes = next((each.routes for each in status.streams if each.stream == stream), ())
    return next((route for route in routes if route.route == name), _NO_ACTIVITY)


PAGE: Final = Page("/route/{name}", "Route", "route.html", load, parts=("paused", "activity", "failures"))
