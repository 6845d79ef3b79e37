"""All endpoints, and their list at ``/api``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamroute.board.actions.listing import ACTIONS
from streamroute.board.api.activity import PAUSED, RETRIES, ROUTES, STATUS
from streamroute.board.api.answers import ROOT
from streamroute.board.api.failures import FAILURE, FAILURES, LETTER
from streamroute.board.api.history import AUDIT, CONFIG, JOBS
from streamroute.board.api.messages import MESSAGE

if TYPE_CHECKING:
    from streamroute.board.api.endpoint import ApiEndpoint

ENDPOINTS: Final[tuple[ApiEndpoint, ...]] = (
    STATUS,
    ROUTES,
    FAILURES,
    FAILURE,
    LETTER,
    MESSAGE,
    RETRIES,
    PAUSED,
    JOBS,
    AUDIT,
    CONFIG,
)


def endpoint_list(prefix: str) -> dict[str, Any]:
    """Return what ``/api`` answers; ``prefix`` is the path of the service."""
    reading = [
        {"method": "GET", "path": f"{prefix}{ROOT}{each.path}", "about": each.about} for each in ENDPOINTS
    ]
    acting = [
        {
            "method": "POST",
            "path": f"{prefix}{ROOT}/act/{action.name}",
            "about": f"{action.verb}; with dry_run=yes, only say what it would do.",
        }
        for action in ACTIONS
    ]
    return {"endpoints": [*reading, *acting]}
