"""The status of streams: an immutable value, which commands render as text or JSON, and a page may render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.ops.status.paused_routes import PausedRoute, paused_routes_of
from streamroute.ops.status.route_status import RouteStatus, routes_of
from streamroute.ops.status.times import EntryAge, iso_time
from streamroute.ops.status.worker_status import WorkerStatus, workers_of

if TYPE_CHECKING:
    from streamroute.adapters.overview.group_overview import GroupOverview


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream and its group; counts are None where Redis does not tell.

    ``exists``: the group exists, as a worker has started. ``lag`` counts the entries that no worker has read,
    ``pending`` those that a worker holds; ``oldest`` is the oldest of these. ``scheduled`` retries wait for
    their time, the next of them for ``next_retry`` (ms since the epoch); ``due`` ones wait for a worker.
    ``dead`` letters are in ``dead_letter``. ``routes`` are those that were active in the last minute;
    ``routes_left_out`` did not fit in the snapshots. ``problems`` say what could not be read.
    ``paused`` are the paused routes, ``parked`` counts the messages that wait for the end of a pause.
    """

    stream: str
    group: str
    dead_letter: str
    time: int
    exists: bool
    length: int | None
    lag: int | None
    pending: int | None
    oldest: EntryAge | None
    scheduled: int | None
    due: int | None
    next_retry: int | None
    dead: int | None
    newest_dead: EntryAge | None
    workers: Sequence[WorkerStatus] = ()
    routes: Sequence[RouteStatus] = ()
    routes_left_out: int = 0
    problems: Sequence[str] = ()
    paused: Sequence[PausedRoute] = ()
    parked: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "stream": self.stream,
            "group": self.group,
            "exists": self.exists,
            "length": self.length,
            "lag": self.lag,
            "pending": self.pending,
            "oldest": _as_dict(self.oldest),
            "retries": {
                "scheduled": self.scheduled,
                "due": self.due,
                "next": iso_time(self.next_retry),
            },
            "dead": {
                "stream": self.dead_letter,
                "count": self.dead,
                "newest": _as_dict(self.newest_dead),
            },
            "paused": [paused.as_dict() for paused in self.paused],
            "parked": self.parked,
            "workers": [worker.as_dict() for worker in self.workers],
            "routes": [route.as_dict() for route in self.routes],
            "routes_left_out": self.routes_left_out,
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class Status:
    """The status of the streams of a configuration; ``time`` is Redis time, in ms since the epoch."""

    time: int
    streams: Sequence[StreamStatus]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: ages and durations in seconds, rates a second, times as ISO 8601 in UTC.

        ``time``, and ``streams``: of each ``stream`` its ``group``, whether it ``exists``, ``length``,
        ``lag``, ``pending``, ``oldest`` (``id``, ``age``), ``retries`` (``scheduled``, ``due``, ``next``),
        ``dead`` (``stream``, ``count``, ``newest``), ``paused``, ``parked``, ``workers`` (see
        ``WorkerStatus``), ``routes`` (see ``RouteStatus``), ``routes_left_out``, ``problems`` (texts). What
        Redis does not tell is null. Later releases may add keys.
        """
        return {"time": iso_time(self.time), "streams": [stream.as_dict() for stream in self.streams]}


def stream_status(stream: str, group: str, dead_letter: str, overview: GroupOverview) -> StreamStatus:
    """Return the status of a stream from the overview of its group."""
    now = overview.time
    return StreamStatus(
        stream=stream,
        group=group,
        dead_letter=dead_letter,
        time=now,
        exists=overview.exists,
        length=overview.length,
        lag=overview.unread if overview.exists else overview.length,
        pending=overview.pending,
        oldest=EntryAge.of(overview.oldest, now),
        scheduled=overview.scheduled,
        due=overview.due,
        next_retry=overview.next_due,
        dead=overview.dead,
        newest_dead=EntryAge.of(overview.newest_dead, now),
        workers=workers_of(overview),
        routes=routes_of(overview),
        routes_left_out=sum(snapshot.routes_left_out for snapshot in overview.snapshots.values()),
        problems=_problems(overview),
        paused=paused_routes_of(overview.pauses, now),
        parked=overview.parked,
    )


def _problems(overview: GroupOverview) -> tuple[str, ...]:
    denied = (f"Redis denies a part of it to this user: {overview.denied}",) if overview.denied else ()
    return (*denied, *overview.damaged)


def _as_dict(entry: EntryAge | None) -> dict[str, Any] | None:
    return None if entry is None else entry.as_dict()
