"""Counters: matched messages and outcomes of each route, and events of each stream."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, Self

from streamroute.core.observer import NO_TALLY, OffersTallies, Result, Tally
from streamroute.incidents import Incident
from streamroute.message import Message
from streamroute.ops.metrics.declarations import (
    LEASE_LOST,
    ROUTE_METRICS,
    SHADOW_RESULTS,
    UNDECODABLE,
    UNLISTED,
    RouteMetric,
)
from streamroute.ops.metrics.recorded import Recorded
from streamroute.ops.metrics.route_counts import (
    CountsByRoute,
    RouteCounts,
    add_counts,
    counted_keys,
    int_values,
    without_zeros,
)
from streamroute.ops.metrics.tallied_counts import TalliedCounts
from streamroute.ops.metrics.unlisted import UnlistedMessages
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

NO_ROUTE: Final = "(no route)"
OTHER_ROUTES: Final = "(other routes)"

_SUCCEEDED: Final = Result.SUCCEEDED
_FILTERED: Final = Result.FILTERED
_DEAD: Final = str(Result.DEAD)
_MAX_FOREIGN_ROUTES: Final = 100  # unconfigured routes: retries of external schedulers may name any


@dataclass(slots=True)
class Counters(OffersTallies):
    """An observer that counts outcomes, separately for messages of a feed and the backlog before it.

    ``routes`` are the route names of each stream. ``feed_start_ids`` are the last ids of the streams before
    the feed; a stream without one has no feed (see ``begin_feed``). ``events`` counts the events of each
    stream that concern no route: see ``EVENT_METRICS``. ``shadows`` are the counts of shadow routes, by
    ``SHADOW_RESULTS``. ``recorded`` are the times and failures of routes. One thread observes; other threads
    may read, and count events.
    """

    routes: Mapping[str, tuple[str, ...]]
    feed_start_ids: dict[str, str] = field(default_factory=dict)
    metrics: Sequence[RouteMetric] = field(default=ROUTE_METRICS, repr=False)
    feed: CountsByRoute = field(default_factory=dict)
    unlisted: UnlistedMessages = field(default_factory=UnlistedMessages)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    shadows: CountsByRoute = field(default_factory=dict)
    recorded: Recorded = field(default_factory=Recorded)
    _counted: dict[tuple[Result, bool, bool], tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The keys to increment, by result, whether it is the first attempt, and whether there is a route."""
    _first_success: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _later_success: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _filtered: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _names: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    """``routes`` as sets: a stream may have thousands."""
    _backlog: TalliedCounts = field(init=False, repr=False, compare=False)
    _configured_backlog: dict[str, dict[str | None, RouteCounts]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._counted = {case: counted_keys(self.metrics, *case) for case in product(Result, _FLAG, _FLAG)}
        self._first_success = self._counted[_SUCCEEDED, True, True]
        self._later_success = self._counted[_SUCCEEDED, False, True]
        self._filtered = self._counted[_FILTERED, True, True]
        self._backlog = TalliedCounts(self._first_success, self._filtered)
        self.use_routes(self.routes)

    def observe(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        if not self.feed_start_ids and isinstance(payload, Message):
            rows = self._configured_backlog.get(payload.stream)
            row = None if rows is None else rows.get(route)
            if row is not None:  # fast path for most messages, at a third of the cost
                if result is _SUCCEEDED:
                    for key in self._first_success if payload.attempt == 1 else self._later_success:
                        row[key] += 1
                    return
                if result is _FILTERED:
                    for key in self._filtered:
                        row[key] += 1
                    return
        match result:
            case Result.UNKNOWN:
                self.unlisted.add(str(payload.get("type")))
                self.count_event(_stream(payload), UNLISTED)
            case Result.LOST:
                self.count_event(_stream(payload), LEASE_LOST)
            case _ if result in SHADOW_RESULTS:
                self._count_shadow(_stream(payload), str(route), SHADOW_RESULTS[result])
            case _:
                self._count(payload, route, result)

    @property
    def counts_alike(self) -> bool:
        """See ``OffersTallies``: while there is a feed, it depends on a message's id how it is counted."""
        return not self.feed_start_ids

    def count_alike(
        self, stream: str, message_type: str, route: str | None, result: Result, count: int
    ) -> None:
        """See ``OffersTallies``."""
        if result is Result.UNKNOWN:
            self.unlisted.add(message_type, count)
            self.count_event(stream, UNLISTED, count)
            return
        row = self._row(self._backlog.rows, stream, route)
        for key in self._counted[result, True, route is not None]:
            row[key] += count

    def tally(self, stream: str, route: str) -> Tally:
        """Return the tally of a configured route that was counted before; none once there is a feed."""
        if self.feed_start_ids or route not in self._configured_backlog.get(stream, ()):
            return NO_TALLY
        return self._backlog.tally(stream, route)

    def begin_feed(self, stream: str, start_id: str) -> None:
        """Count the messages of a stream behind ``start_id`` as those of a feed."""
        self.feed_start_ids[stream] = start_id
        self._backlog.close()

    @property
    def backlog(self) -> CountsByRoute:
        """The counts of messages that are not of a feed; not to be changed."""
        return self._backlog.table()

    def count_event(self, stream: str, event: Incident | str, count: int = 1) -> None:
        """Count an event of a stream; see ``IncidentCallback``."""
        with self._lock:
            self.events[stream, str(event)] += count

    def event_total(self, event: Incident | str) -> int:
        """Return how often an event happened, on all streams."""
        return sum(count for (_, name), count in dict(self.events).items() if name == event)

    def use_routes(self, routes: Mapping[str, tuple[str, ...]]) -> None:
        """Count for these routes from now on; what was counted for others is kept."""
        self.routes = routes
        self._names = {stream: frozenset(names) for stream, names in routes.items()}
        self._configured_backlog = {}

    @property
    def failed(self) -> int:
        """The number of messages that failed permanently."""
        return sum(row.get(_DEAD, 0) for table in (self.feed, self._backlog.rows) for row in table.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the counts without those of the feed, as JSON values for ``from_dict``."""
        return {
            "routes": [
                {"stream": stream, "route": route, "counts": without_zeros(row)}
                for (stream, route), row in self.backlog.items()
            ],
            "unlisted": {"messages": self.unlisted.messages, "types": dict(self.unlisted.types)},
            "events": [
                {"stream": stream, "event": event, "count": count}
                for (stream, event), count in dict(self.events).items()
            ],
            "shadows": [
                {"stream": stream, "route": route, "counts": dict(row)}
                for (stream, route), row in self.shadows.copy().items()
            ],
            "recorded": self.recorded.as_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of ``as_dict``, possibly of another version: missing counts are 0.

        Raises KeyError, TypeError, ValueError or AttributeError if ``data`` is anything else.
        """
        counters = cls({})
        for row in data.get("routes", ()):
            counters._backlog.rows[row["stream"], row["route"]] = int_values(row.get("counts", {}))
        unlisted = data.get("unlisted", {})
        types = Counter(int_values(unlisted.get("types", {})))
        counters.unlisted = UnlistedMessages(int(unlisted.get("messages", 0)), types)
        for event in data.get("events", ()):
            counters.events[event["stream"], event["event"]] = int(event["count"])
        for row in data.get("shadows", ()):
            counters.shadows[row["stream"], row["route"]] = int_values(row["counts"])
        counters.recorded = Recorded.from_dict(data.get("recorded", {}))
        return counters

    def add(self, other: Counters) -> None:
        """Add the counts of another, without those of its feed."""
        for key, row in other.backlog.items():
            add_counts(self._backlog.rows.setdefault(key, {}), row)
        self.unlisted.merge(other.unlisted)
        for (stream, event), count in dict(other.events).items():
            self.count_event(stream, event, count)
        for key, row in other.shadows.copy().items():
            add_counts(self.shadows.setdefault(key, {}), row)
        self.recorded.add(other.recorded)

    def rows(self, counts: CountsByRoute) -> Iterator[tuple[str, str, RouteCounts]]:
        """Yield stream, route and counts: the configured routes in order, then the others."""
        configured = [(stream, route) for stream, routes in self.routes.items() for route in routes]
        others = sorted(counts.keys() - set(configured))
        for stream, route in configured + others:
            yield stream, route, counts.get((stream, route)) or self._zeros()

    def route_counts(self, stream: str, route: str) -> RouteCounts:
        """Return the counts of a route, including those of the feed."""
        total = self._zeros()
        for row in (self._backlog.row((stream, route)), self.feed.get((stream, route), {})):
            add_counts(total, row)
        return total

    def _zeros(self) -> RouteCounts:
        return dict.fromkeys((metric.key for metric in self.metrics), 0)

    def _count(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        message = payload if isinstance(payload, Message) else Message({})
        row = self._row(self.feed if self._is_of_feed(message) else self._backlog.rows, message.stream, route)
        for key in self._counted[result, message.attempt == 1, route is not None]:
            row[key] += 1
        if result is Result.DEAD and route is None and message.decode_error is not None:
            self.count_event(message.stream, UNDECODABLE)

    def _row(self, table: CountsByRoute, stream: str, route: str | None) -> RouteCounts:
        """Return the counts of a route in ``feed`` or ``backlog``; its new row if it has none."""
        name = self._bounded_name(table, stream, route)
        row = table.get((stream, name))
        if row is None:
            # Add all keys at once, so that other threads can iterate over the row.
            table[stream, name] = row = self._zeros()
        if table is self._backlog.rows and route in self._names.get(stream, ()):
            self._configured_backlog.setdefault(stream, {})[route] = row
        return row

    def _count_shadow(self, stream: str, route: str, result: str) -> None:
        row = self.shadows.get((stream, route))
        if row is None:
            # Add all keys at once, so that other threads can iterate over the row.
            self.shadows[stream, route] = row = dict.fromkeys(SHADOW_RESULTS.values(), 0)
        row[result] += 1

    def _bounded_name(self, table: CountsByRoute, stream: str, route: str | None) -> str:
        """Return the name under which to count a route, which bounds the size of the table."""
        if route is None:
            return NO_ROUTE
        if route in self._names.get(stream, ()) or (stream, route) in table:
            return route
        limit = sum(map(len, self.routes.values())) + _MAX_FOREIGN_ROUTES
        return clip(route, NAME) if len(table) < limit else OTHER_ROUTES

    def _is_of_feed(self, message: Message) -> bool:
        start = self.feed_start_ids.get(message.stream)
        return start is not None and _id_order(message.id) > _id_order(start)


_FLAG: Final = (False, True)


def _stream(payload: Mapping[str, Any]) -> str:
    """Return the stream of a message; empty if it is unknown."""
    return payload.stream if isinstance(payload, Message) else ""


def _id_order(entry_id: str) -> tuple[int, int]:
    """Return an entry id as numbers that order as in the stream; the lowest if it is not an id."""
    milliseconds, _, sequence = entry_id.partition("-")
    try:
        return int(milliseconds), int(sequence or 0)
    except ValueError:
        # A retry of an external scheduler has the id of its own storage.
        return 0, 0
