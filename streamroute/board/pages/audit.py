"""The audit log: what operators did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.page import Page
from streamroute.ops.audit import group_keys, newest_actions

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

_LIMIT: Final = 200


async def load(service: BoardService, _request: Request) -> Mapping[str, Any]:
    """Return the values of the page."""
    actions = await newest_actions(service.redis, group_keys(service.document), _LIMIT)
    return {"actions": [(int(stored.id.partition("-")[0]), stored) for stored in actions], "limit": _LIMIT}


PAGE: Final = Page("/audit", "Audit", "audit.html", load, in_navigation=True, parts=("actions",))
