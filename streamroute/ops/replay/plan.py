"""Plans a replay: which range of the stream it covers, and why it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streamroute.adapters.entries.entry_ids import parse_id
from streamroute.adapters.groups.stored_entries import StoredEntries, StreamExtent
from streamroute.adapters.groups.worker_routes import routes_of_workers
from streamroute.adapters.pauses.store import PauseStore
from streamroute.errors import StreamrouteError
from streamroute.keys import GroupKeys
from streamroute.ops.replay.selection import ReplaySelection
from streamroute.ops.served_routes import why_not_served

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.stream_times import StreamTime


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """A replay that can run: about ``total`` entries, and what the operator should know (``notes``)."""

    selection: ReplaySelection
    keys: GroupKeys
    total: int
    notes: tuple[str, ...] = ()


async def plan_replay(
    redis: RedisConnection,
    document: Document,
    selection: ReplaySelection,
    start: StreamTime,
    end: StreamTime,
) -> ReplayPlan:
    """Return the plan of a replay; the range of ``selection`` is replaced by that of the two places.

    Raises StreamrouteError, with the reason, for a route that does not run messages of the stream here or in
    any live worker, a group that has never read the stream, and a range without entries. Raises
    RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    stream = document.streams[selection.stream]
    require_routes(document, selection)
    keys = GroupKeys.of(stream.name, stream.group, stream.dead_letter)
    extent = await StoredEntries(redis, stream.name).extent(stream.group)
    chosen = replace(selection, start=start.entry_id(extent.time), end=end.last_id(extent.time))
    chosen, notes = _within(chosen, extent, stream.group)
    notes += await _worker_notes(redis, keys, selection.routes)
    notes += await _pause_notes(redis, keys, selection.routes)
    return ReplayPlan(chosen, keys, _about(chosen, extent), tuple(notes))


def require_routes(document: Document, selection: ReplaySelection) -> None:
    """Raise StreamrouteError for a route of a selection that does not run messages of its stream."""
    if selection.stream not in document.streams:
        raise StreamrouteError(f'the stream "{selection.stream}" is no longer configured')
    for route in selection.routes:
        refusal = why_not_served(document, route, selection.stream)
        if refusal is not None:
            raise StreamrouteError(f"cannot replay: {refusal}")


def _within(
    selection: ReplaySelection, extent: StreamExtent, group: str
) -> tuple[ReplaySelection, list[str]]:
    """Return the selection without what the group has not read yet, and what was left out."""
    name, notes = selection.stream, []
    if parse_id(selection.start) > parse_id(selection.end):
        raise StreamrouteError("cannot replay: the start of the range is after its end")
    if extent.delivered is None:
        raise StreamrouteError(f'cannot replay: the group "{group}" has not read the stream "{name}" yet')
    if not extent.length:
        raise StreamrouteError(f'cannot replay: the stream "{name}" holds no entries')
    if parse_id(selection.end) < parse_id(extent.first):
        raise StreamrouteError(
            f'cannot replay: the stream "{name}" holds entries from {_dated(extent.first)} on; '
            "earlier ones were trimmed or deleted"
        )
    if parse_id(selection.start) < parse_id(extent.first) and extent.has_lost is not False:
        notes.append(f"the stream holds entries from {_dated(extent.first)} on; earlier ones are gone")
    end = min(selection.end, extent.last, extent.delivered, key=parse_id)
    if parse_id(extent.delivered) < min(parse_id(selection.end), parse_id(extent.last)):
        notes.append(
            f"entries after {_dated(end)} are left out: the group has not read them yet, so they will run"
        )
    if parse_id(selection.start) > parse_id(end):
        raise StreamrouteError(
            "cannot replay: the stream holds no entry in this range that the group has read"
        )
    return replace(selection, end=end), notes


async def _worker_notes(redis: RedisConnection, keys: GroupKeys, routes: Sequence[str]) -> list[str]:
    known = await routes_of_workers(redis, keys)
    if known is None:
        return ["no worker of the group is alive: the replay waits until one is"]
    missing = [route for route in routes if route not in known]
    if missing:
        raise StreamrouteError(
            f"cannot replay: no live worker has the route {', '.join(missing)}; "
            "deploy the configuration first"
        )
    return []


def _dated(entry_id: str) -> str:
    """Return an id with its time, if it has one."""
    try:
        time = datetime.fromtimestamp(parse_id(entry_id)[0] // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return entry_id
    return f"{entry_id} ({time.isoformat()})"


async def _pause_notes(redis: RedisConnection, keys: GroupKeys, routes: Sequence[str]) -> list[str]:
    paused = (await PauseStore(redis, keys).read()).pauses
    notes = [
        f'the route "{route}" is paused: its messages are parked until it resumes'
        for route in routes
        if route in paused
    ]
    return [*notes, *(["the stream is paused: the replay waits until it resumes"] if "" in paused else [])]


def _about(selection: ReplaySelection, extent: StreamExtent) -> int:
    """Return the number of entries in the range, as if they were evenly spread over the stream's time."""
    first, last = parse_id(extent.first)[0], parse_id(extent.last)[0]
    start, end = max(first, parse_id(selection.start)[0]), min(last, parse_id(selection.end)[0])
    if first == last or (start, end) == (first, last):
        return extent.length
    return max(1, round(extent.length * (end - start) / (last - first)))
