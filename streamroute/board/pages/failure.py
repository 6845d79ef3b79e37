"""One failure: its facts, and its dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.conditions import payload_condition
from streamroute.board.errors import PageNotFoundError
from streamroute.board.letter_pages import letters_after
from streamroute.board.page import Page
from streamroute.board.pages.failures import last_day, last_hour
from streamroute.board.parameters import after_parameter, stream_parameter
from streamroute.ops.dead_letters.filter import DeadLetterFilter
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page; ``?where=`` selects letters by their payloads."""
    stream, signature = stream_parameter(service, request), request.path_params["signature"]
    report = await service.failures()
    row = next((row for row in report.of(signature) if row.stream == stream), None)
    if row is None:
        raise PageNotFoundError(f"there are no dead letters of the failure {clip(signature, NAME)}")
    where = request.query_params.get("where", "").strip()
    condition = payload_condition(service.document, where) if where else None
    criteria = DeadLetterFilter(groups=(signature,), where=condition)
    async with service.computing:
        page = await letters_after(
            service.redis, service.document, stream, after_parameter(request), criteria
        )
    return {
        "title": row.group.title or row.group.signature,
        "row": row,
        "group": row.group,
        "now": report.now,
        "page": page,
        "where": where,
        "hides_fields": bool(service.document.redact),
        "failed": None if condition is None or not condition.failed else condition.first_problem,
        "last_hour": last_hour(row.group, report.now),
        "last_day": last_day(row.group, report.now),
    }


PAGE: Final = Page("/failures/{stream}/{signature}", "Failure", "failure.html", load)
