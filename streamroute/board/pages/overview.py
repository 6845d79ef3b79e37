"""The overview: the streams, and the workers that consume them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.page import Page

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService
    from streamroute.ops.status.stream_status import StreamStatus


async def load(service: BoardService, _request: Request) -> Mapping[str, Any]:
    """Return the values of the page."""
    status = await service.status()
    return {
        "now": status.time,
        "streams": sorted(status.streams, key=_urgency),
        "running_generation": service.document.generation,
        "paused": await service.paused(),
        "is_single": len(status.streams) == 1,
    }


def _urgency(stream: StreamStatus) -> tuple[int, str]:
    """Order streams by what waits, the most first."""
    return -(stream.lag or 0) - (stream.pending or 0), stream.stream


PAGE: Final = Page(
    "/", "Overview", "overview.html", load, in_navigation=True, parts=("paused", "streams", "workers")
)
