"""The jobs: paced retries of dead letters, and replays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.page import Page
from streamroute.ops.audit import group_keys
from streamroute.ops.jobs.control import jobs_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

_LIMIT: Final = 100


async def load(service: BoardService, _request: Request) -> Mapping[str, Any]:
    """Return the values of the page."""
    listed = await jobs_of(service.redis, group_keys(service.document))
    return {"jobs": listed.jobs[:_LIMIT], "problems": listed.problems[:20]}


PAGE: Final = Page("/jobs", "Jobs", "jobs.html", load, in_navigation=True, parts=("jobs",))
