"""A worker's snapshot of one stream: what it runs and holds, and what its routes did in the last minute."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

MAX_BYTES: Final = 256 * 1024
"""The longest snapshot; a longer value under the key is not one."""

_VERSION: Final = 1
_MAX_RUNNING: Final = 100  # entries that a snapshot names
_LEAST_ROUTE: Final = 50  # bytes of one in a snapshot
_MAX_BUCKETS: Final = 100
_MAX_COUNTS: Final = 50  # counts of one route
_LARGEST: Final = 2**53


class DamagedSnapshotError(ValueError):
    """Raised for a value that is not a snapshot of a worker."""


@dataclass(frozen=True, slots=True)
class RunningEntry:
    """An entry whose handlers run: its id, the route that runs now (None: unknown), and since when.

    ``seconds`` is for how long the route has been running, measured by looking every two seconds: it has run
    up to two seconds longer. ``is_retry``: the id is that of the group's retry stream; ``message_id`` is that
    of the original entry.
    """

    entry_id: str
    message_id: str
    route: str | None
    seconds: float
    attempt: int = 1
    is_retry: bool = False


@dataclass(frozen=True, slots=True)
class RouteActivity:
    """What one route did in this worker.

    ``totals`` are its counts since the worker started, ``recent`` those of the snapshot's window, both by the
    keys of ``ROUTE_METRICS``. ``seconds`` counts the handler runs of the window by duration: one number for
    each bound of the snapshot's ``buckets``, and one for longer runs (empty: not measured).
    """

    route: str
    totals: Mapping[str, int] = field(default_factory=dict)
    recent: Mapping[str, int] = field(default_factory=dict)
    seconds: Sequence[int] = ()

    @property
    def weight(self) -> int:
        """How much it did in the window: a snapshot that becomes too long leaves out the least active."""
        return sum(self.recent.values())


@dataclass(frozen=True, slots=True)
class WorkerSnapshot:
    """The state of one worker on one stream.

    ``at`` and ``started`` are Redis time in ms. ``running_count`` is the number of entries whose handlers
    run, of which ``running`` names the longest; ``held`` counts all that it holds, prefetched ones too.
    ``silence`` is for how many seconds its event loop has not responded (0: it responds). ``window`` is the
    length in seconds of what ``RouteActivity.recent`` counts; ``buckets`` are the bounds of its durations in
    seconds. ``routes`` are those that were active in the window; ``routes_left_out`` did not fit.
    """

    at: int
    started: int = 0
    host: str = ""
    pid: int = 0
    generation: str = ""
    concurrency: int = 0
    held: int = 0
    running_count: int = 0
    running: Sequence[RunningEntry] = ()
    silence: float = 0.0
    window: float = 0.0
    buckets: Sequence[float] = ()
    routes: Sequence[RouteActivity] = ()
    routes_left_out: int = 0

    def pack(self, limit: int = MAX_BYTES) -> bytes:
        """Return the snapshot as JSON of at most ``limit`` bytes: the least active routes are left out."""
        routes = sorted(self.routes, key=lambda route: -route.weight)
        kept = min(len(routes), limit // _LEAST_ROUTE)
        while True:
            left_out = self.routes_left_out + len(routes) - kept
            packed = _as_json(
                replace(self, running=_longest(self.running), routes=routes[:kept], routes_left_out=left_out)
            )
            if len(packed) <= limit or not kept:
                return packed
            kept = min(kept - 1, kept * limit // len(packed))

    @classmethod
    def unpack(cls, packed: bytes) -> WorkerSnapshot:
        """Read the result of ``pack``; raises DamagedSnapshotError for any other value."""
        if len(packed) > MAX_BYTES:
            raise DamagedSnapshotError(f"it has {len(packed)} bytes")
        try:
            facts = json.loads(packed)
            counts: dict[str, Any] = {name: _count(facts.get(name, 0)) for name in _COUNTS}
            seconds: dict[str, Any] = {name: _number(facts.get(name, 0)) for name in _SECONDS}
            return cls(
                at=_count(facts["at"]),
                **counts,
                **seconds,
                host=_name(facts.get("host", "")),
                generation=_name(facts.get("generation", "")),
                running=tuple(_running(entry) for entry in facts.get("running", [])[:_MAX_RUNNING]),
                buckets=tuple(_number(bound) for bound in facts.get("buckets", [])[:_MAX_BUCKETS]),
                routes=tuple(_activity(name, route) for name, route in facts.get("routes", {}).items()),
            )
        except RecursionError:
            raise DamagedSnapshotError("it is nested too deeply") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedSnapshotError(f"it is not as workers write it ({type(error).__name__})") from None


_COUNTS: Final = ("started", "pid", "concurrency", "held", "running_count", "routes_left_out")
_SECONDS: Final = ("silence", "window")


def _as_json(snapshot: WorkerSnapshot) -> bytes:
    names = (*_COUNTS, *_SECONDS, "host", "generation")
    facts: dict[str, Any] = {name: value for name in names if (value := getattr(snapshot, name))}
    facts |= {"v": _VERSION, "at": snapshot.at, "buckets": list(snapshot.buckets)}
    facts["running"] = [_running_facts(entry) for entry in snapshot.running]
    facts["routes"] = {route.route: _activity_facts(route) for route in snapshot.routes}
    return json.dumps(facts, separators=(",", ":")).encode()


def _longest(running: Sequence[RunningEntry]) -> Sequence[RunningEntry]:
    return sorted(running, key=lambda entry: -entry.seconds)[:_MAX_RUNNING]


def _running_facts(entry: RunningEntry) -> list[Any]:
    return [
        clip(entry.entry_id, NAME),
        clip(entry.message_id, NAME),
        None if entry.route is None else clip(entry.route, NAME),
        round(entry.seconds, 1),
        entry.attempt,
        int(entry.is_retry),
    ]


def _running(facts: Any) -> RunningEntry:
    entry_id, message_id, route, seconds, attempt, is_retry = facts
    named = None if route is None else _name(route)
    return RunningEntry(
        _name(entry_id), _name(message_id), named, _number(seconds), _count(attempt), bool(_count(is_retry))
    )


def _activity_facts(route: RouteActivity) -> list[Any]:
    return [_without_zeros(route.totals), _without_zeros(route.recent), list(route.seconds)]


def _activity(name: Any, facts: Any) -> RouteActivity:
    totals, recent, seconds = facts
    durations = tuple(seconds[: _MAX_BUCKETS + 1])
    _require_counts(durations)
    return RouteActivity(_name(name), _counts(totals), _counts(recent), durations)


def _without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _counts(value: Any) -> dict[str, int]:
    kept: dict[str, int] = dict(islice(value.items(), _MAX_COUNTS))
    _require_counts(kept.values())
    names = "".join(kept)
    if len(names) <= NAME and names.isascii():
        return kept  # each name is short: thousands of routes are read at a time
    return {_name(name): count for name, count in kept.items()}


def _require_counts(values: Collection[Any]) -> None:
    """Check many numbers at once; raises ValueError unless each is as ``_count`` demands."""
    if set(map(type, values)) - {int} or (values and not 0 <= min(values) <= max(values) <= _LARGEST):
        raise ValueError("not counts")


def _count(value: Any) -> int:
    """Return a whole number of a plausible size; raises ValueError for anything else."""
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError("not a count")
    return value


def _number(value: Any) -> float:
    """Return a number of a plausible size; raises ValueError for anything else."""
    if type(value) not in (int, float) or not 0 <= value <= _LARGEST:
        raise ValueError("not a number")
    return float(value)


def _name(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not a name")
    return value if len(value) <= NAME and value.isascii() else clip(value, NAME)
