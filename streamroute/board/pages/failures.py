"""The failures: dead letters grouped by their cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.dead_letters.letter_group import HOURS, MINUTES, LetterGroup
from streamroute.board.page import Page

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

_MINUTE: Final = 60_000  # ms
_MAX_ROWS: Final = 300
_HEIGHT: Final = 24
_STEP: Final = 2.0


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page; ``?state=`` selects the open, resolved or returned ones."""
    report = await service.failures()
    state = request.query_params.get("state", "")
    rows = [row for row in report.groups if state in ("", row.group.state)]
    return {
        "report": report,
        "rows": rows[:_MAX_ROWS],
        "left_out": max(0, len(rows) - _MAX_ROWS),
        "state": state,
        "states": ("open", "came back", "resolved"),
        "last_hour": last_hour,
    }


def last_hour(group: LetterGroup, now: int) -> str:
    """Return the path of a sparkline: the letters of each minute of the last hour."""
    return sparkline(group.minutes.until(now // _MINUTE, MINUTES))


def last_day(group: LetterGroup, now: int) -> str:
    """Return the path of a sparkline: the letters of each hour of the last day."""
    return sparkline(group.hours.until(now // (60 * _MINUTE), HOURS), step=5.0)


def sparkline(counts: Sequence[int], step: float = _STEP) -> str:
    """Return the path of a line through counts, 24 px high and ``step`` px from one to the next."""
    most = max([1, *counts])
    points = (
        f"{number * step:g},{_HEIGHT - 2 - (_HEIGHT - 4) * count / most:.1f}"
        for number, count in enumerate(counts)
    )
    return f"M{' L'.join(points)}"


PAGE: Final = Page("/failures", "Failures", "failures.html", load, in_navigation=True, parts=("groups",))
