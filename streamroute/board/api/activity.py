"""What streams, workers and routes do: their status, what is paused, and the retries that wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.api.endpoint import ApiEndpoint
from streamroute.board.pages import retries, routes
from streamroute.ops.route_object import route_object

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService


async def _status(service: BoardService, _request: Request) -> Mapping[str, Any]:
    return (await service.status()).as_dict()


async def _routes(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await routes.load(service, request)
    rows = [
        {**route_object(row.route), "stream": row.stream, "activity": row.status.as_dict()}
        for row in values["rows"]
    ]
    return {"routes": rows, "left_out": values["left_out"]}


async def _paused(service: BoardService, _request: Request) -> Mapping[str, Any]:
    return {"paused": [item.as_dict() for item in await service.paused()]}


async def _retries(service: BoardService, request: Request) -> Mapping[str, Any]:
    listed: Mapping[str, Any] = (await retries.load(service, request))["listing"].as_dict()
    return listed


STATUS: Final = ApiEndpoint("/status", "Streams, their workers and active routes.", _status)
ROUTES: Final = ApiEndpoint("/routes", "Routes, the busiest first; ?stream= selects those of one.", _routes)
PAUSED: Final = ApiEndpoint("/paused", "What is paused, by whom, and why.", _paused)
RETRIES: Final = ApiEndpoint("/retries", "The retries due first; ?route= selects those of one.", _retries)
