"""Counters: how many messages each route matched, what became of them, and what befell the streams."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from streamroute.core.observer import Result
from streamroute.incidents import Incident
from streamroute.message import Message
from streamroute.text.limits import NAME
from streamroute.text.safe_text import clip

NO_ROUTE: Final = "(no route)"
UNDECODABLE: Final = "undecodable"
UNLISTED: Final = "unlisted"
LEASE_LOST: Final = "lease_lost"

_SUCCEEDED: Final = Result.SUCCEEDED

OTHER_ROUTES: Final = "(other routes)"

_MOST_TYPES: Final = 1000  # types come from outside: more of them are counted, and not told apart
_LONGEST_TYPE: Final = 100  # characters
_MOST_OTHERS: Final = 100  # routes that are not configured: retries of other schedulers may name any

CountsByRoute = dict[tuple[str, str], "RouteCounts"]
"""Rows by stream and route."""


@dataclass(slots=True)
class RouteCounts:
    """The counts of one route: messages that it matched, and how often their runs ended in which way.

    Of the messages, ``failed`` are those that were given up; ``postponed`` are no runs, since they had to
    wait for another with the same key of dedupe.
    """

    matched: int = 0
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    postponed: int = 0
    skipped: int = 0

    def add(self, counts: RouteCounts) -> None:
        """Count what another row has counted."""
        self.matched += counts.matched
        self.succeeded += counts.succeeded
        self.failed += counts.failed
        self.retried += counts.retried
        self.postponed += counts.postponed
        self.skipped += counts.skipped

    def as_dict(self) -> dict[str, int]:
        """The counts by name, without those that are 0; ``from_dict`` takes them back."""
        return {name: count for name in _COUNTS if (count := getattr(self, name))}

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> Self:
        """A row of counts by name; a name that is missing is 0, and one that is unknown is ignored."""
        return cls(**{name: int(counts.get(name, 0)) for name in _COUNTS})


_COUNTS: Final = tuple(count.name for count in fields(RouteCounts))


@dataclass(slots=True)
class UnlistedMessages:
    """Messages of types that no route lists: how many in all, and of each type."""

    messages: int = 0
    types: Counter[str] = field(default_factory=Counter)

    def add(self, message_type: str) -> None:
        """Count one message."""
        self.messages += 1
        self._count(message_type[:_LONGEST_TYPE], 1)

    def merge(self, other: UnlistedMessages) -> None:
        """Count what another has counted."""
        self.messages += other.messages
        for name, count in other.types.copy().items():
            self._count(name, count)

    def _count(self, name: str, count: int) -> None:
        if name in self.types or len(self.types) < _MOST_TYPES:
            self.types[name] += count

    @property
    def has_more(self) -> bool:
        """Whether there may have been more types than were told apart."""
        return len(self.types) == _MOST_TYPES


@dataclass(slots=True)
class Counters:
    """An observer that counts, the messages of a feed apart from what was there before.

    ``routes`` are the names of each stream's routes. ``marks`` are the last ids of the streams before
    the feed; a stream without a mark has no feed. ``events`` counts by stream what concerns no route:
    each ``Incident``, and messages that could not be decoded, that no route lists, or that were lost to
    another worker while they were held here.
    """

    routes: Mapping[str, tuple[str, ...]]
    feed_start_ids: dict[str, str] = field(default_factory=dict)
    feed: CountsByRoute = field(default_factory=dict)
    backlog: CountsByRoute = field(default_factory=dict)
    unlisted: UnlistedMessages = field(default_factory=UnlistedMessages)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    _fast_path_rows: dict[str, dict[str | None, RouteCounts]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def observe(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        if result is _SUCCEEDED and not self.feed_start_ids and isinstance(payload, Message):
            rows = self._fast_path_rows.get(payload.stream)
            if rows is not None and route in rows:  # the usual message of a server, at a third of the cost
                row = rows[route]
                row.succeeded += 1
                if payload.attempt == 1:
                    row.matched += 1
                return
        match result:
            case Result.FILTERED:
                return
            case Result.UNKNOWN:
                self.unlisted.add(str(payload.get("type")))
                self.count_event(_stream(payload), UNLISTED)
            case Result.LOST:
                self.count_event(_stream(payload), LEASE_LOST)
            case _:
                self._count(payload, route, result)

    def count_event(self, stream: str, what: Incident | str, count: int = 1) -> None:
        """Count what concerns a stream; see ``IncidentCallback``."""
        with self._lock:
            self.events[stream, str(what)] += count

    def event_total(self, what: Incident | str) -> int:
        """How often something happened, on all streams."""
        return sum(count for (_, name), count in dict(self.events).items() if name == what)

    @property
    def failed(self) -> int:
        """How many messages failed for good."""
        return sum(row.failed for table in (self.feed, self.backlog) for row in table.values())

    def as_dict(self) -> dict[str, Any]:
        """The counts in a form that JSON can hold, which ``from_dict`` takes; a feed's are not among them."""
        return {
            "routes": [
                {"stream": stream, "route": route, **row.as_dict()}
                for (stream, route), row in self.backlog.copy().items()
            ],
            "unlisted": {"messages": self.unlisted.messages, "types": dict(self.unlisted.types)},
            "events": [
                {"stream": stream, "event": what, "count": count}
                for (stream, what), count in dict(self.events).items()
            ],
        }

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> Self:
        """The counters that ``as_dict`` was taken from, without their routes.

        It may be that of another version: what it does not have is 0, and what is unknown here is ignored.
        Raises KeyError, TypeError, ValueError or AttributeError for what is no such dict.
        """
        counters = cls({})
        for row in counts.get("routes", ()):
            counters.backlog[row["stream"], row["route"]] = RouteCounts.from_dict(row)
        unlisted = counts.get("unlisted", {})
        types = {name: int(count) for name, count in unlisted.get("types", {}).items()}
        counters.unlisted = UnlistedMessages(int(unlisted.get("messages", 0)), Counter(types))
        for told in counts.get("events", ()):
            counters.events[told["stream"], told["event"]] = int(told["count"])
        return counters

    def add(self, other: Counters) -> None:
        """Count what other counters have counted; a feed's counts are left out."""
        for key, row in other.backlog.copy().items():
            self.backlog.setdefault(key, RouteCounts()).add(row)
        self.unlisted.merge(other.unlisted)
        for (stream, what), count in dict(other.events).items():
            self.count_event(stream, what, count)

    def rows(self, counts: CountsByRoute) -> Iterator[tuple[str, str, RouteCounts]]:
        """Stream, route and counts: every configured route first, in order, then what had none."""
        configured = [(stream, route) for stream, routes in self.routes.items() for route in routes]
        others = sorted(counts.keys() - set(configured))
        for stream, route in configured + others:
            yield stream, route, counts.get((stream, route), RouteCounts())

    def _count(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        message = payload if isinstance(payload, Message) else Message({})
        table = self.feed if self._is_fed(message) else self.backlog
        row = table.setdefault(
            (message.stream, self._told_apart(table, message.stream, route)), RouteCounts()
        )
        if table is self.backlog and route in self.routes.get(message.stream, ()):
            self._fast_path_rows.setdefault(message.stream, {})[route] = row
        match result:
            case Result.POSTPONED:
                row.postponed += 1
                return  # it will be here again, and is matched then
            case Result.SUCCEEDED:
                row.succeeded += 1
            case Result.DEAD:
                row.failed += 1
                if route is None and message.decode_error is not None:
                    self.count_event(message.stream, UNDECODABLE)
            case Result.RETRIED:
                row.retried += 1
            case Result.SKIPPED:
                row.skipped += 1
        row.matched += route is not None and message.attempt == 1

    def _told_apart(self, table: CountsByRoute, stream: str, route: str | None) -> str:
        """The route's name in a table of a bounded size."""
        if route is None:
            return NO_ROUTE
        if route in self.routes.get(stream, ()) or (stream, route) in table:
            return route
        most = sum(map(len, self.routes.values())) + _MOST_OTHERS
        return clip(route, NAME) if len(table) < most else OTHER_ROUTES

    def _is_fed(self, message: Message) -> bool:
        mark = self.feed_start_ids.get(message.stream)
        return mark is not None and _order(message.id) > _order(mark)


def _stream(payload: Mapping[str, Any]) -> str:
    """The stream that a message came from; empty where it does not know."""
    return payload.stream if isinstance(payload, Message) else ""


def _order(entry_id: str) -> tuple[int, int]:
    """An entry's id as numbers, which order as the stream does; the lowest for what is no id."""
    milliseconds, _, sequence = entry_id.partition("-")
    try:
        return int(milliseconds), int(sequence or 0)
    except ValueError:
        # A retry of a scheduler of another make has the id that its storage gave it.
        return 0, 0
