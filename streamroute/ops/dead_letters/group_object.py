"""Groups of dead letters as objects for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.dead_letters.letter_group import HOURS, MINUTES
from streamroute.text.times import time_text

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.groups import GroupReport, StreamGroup

_MINUTE: Final = 60_000  # ms


def report_object(report: GroupReport) -> dict[str, Any]:
    """Return the groups of a configuration, the newest first."""
    groups = [group_object(row, report.now) for row in report.groups]
    return {"letters": report.letters, "groups": groups, "notes": report.notes}


def group_object(row: StreamGroup, now: int) -> dict[str, Any]:
    """Return a group at ``now`` (ms since the epoch); times are ISO 8601, in UTC."""
    group = row.group
    resolved = group.resolved and {
        "at": time_text(group.resolved.at / 1000),
        "who": group.resolved.who,
        "reason": group.resolved.reason,
    }
    names = ("title", "route", "error_class", "frame", "count", "total")
    return {
        "stream": row.stream,
        "group": group.signature,
        "state": group.state,
        **{name: getattr(group, name) for name in names},
        "first": time_text(group.first / 1000),
        "last": time_text(group.last / 1000),
        "samples": list(group.samples),
        "minutes": group.minutes.until(now // _MINUTE, MINUTES),
        "hours": group.hours.until(now // (60 * _MINUTE), HOURS),
        "resolved": resolved,
        "came_back": None if group.returned is None else time_text(group.returned / 1000),
    }
