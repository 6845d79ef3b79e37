"""What is paused on a stream, in a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.ops.status.times import iso_time

if TYPE_CHECKING:
    from streamroute.adapters.pauses.record import Pause


@dataclass(frozen=True, slots=True)
class PausedRoute:
    """A paused route, or with an empty name the whole stream; ``since`` and ``until`` are ms since the epoch.

    ``kind`` is ``manual`` or ``circuit``: then ``until`` is when a message tries the route again.
    """

    route: str
    kind: str
    since: int
    until: int | None
    who: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "route": self.route or None,
            "kind": self.kind,
            "since": iso_time(self.since),
            "until": iso_time(self.until),
            "who": self.who,
            "reason": self.reason,
        }


def paused_routes_of(pauses: Mapping[str, Pause], now: int) -> Sequence[PausedRoute]:
    """Return what is paused at ``now`` (ms since the epoch), the stream first."""
    return tuple(
        PausedRoute(route, pause.kind, pause.since, pause.until, pause.who, pause.reason)
        for route, pause in sorted(pauses.items())
        if not pause.is_over(now)
    )
