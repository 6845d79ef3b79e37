"""The retries that wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.page import Page
from streamroute.ops.retries.query import RetryQuery, RetrySelection
from streamroute.payload_redaction import PayloadRedactor

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

_LIMIT: Final = 100


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page; ``?route=`` selects those of a route."""
    route = request.query_params.get("route", "")
    document = service.document
    query = RetryQuery(service.redis, list(document.streams.values()), PayloadRedactor(document.redact))
    selection = RetrySelection(routes=[route] if route else [])
    async with service.computing:
        listing = await query.listing(selection, _LIMIT)
    return {"listing": listing, "route": route, "routes": [each.name for each in document.routes][:1000]}


PAGE: Final = Page("/retries", "Retries", "retries.html", load, in_navigation=True, parts=("waiting",))
