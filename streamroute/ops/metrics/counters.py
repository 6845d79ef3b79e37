"""Tally: how many messages each route matched, what became of them, and what befell the streams."""

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
LOST: Final = "lost"

_SUCCEEDED: Final = Result.SUCCEEDED

OTHER_ROUTES: Final = "(other routes)"

_MOST_TYPES: Final = 1000  # types come from outside: more of them are counted, and not told apart
_LONGEST_TYPE: Final = 100  # characters
_MOST_OTHERS: Final = 100  # routes that are not configured: retries of other schedulers may name any

Counts = dict[tuple[str, str], "Row"]
"""Rows by stream and route."""


@dataclass(slots=True)
class Row:
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

    def add(self, counts: Row) -> None:
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


_COUNTS: Final = tuple(count.name for count in fields(Row))


@dataclass(slots=True)
class Unlisted:
    """Messages of types that no route lists: how many in all, and of each type."""

    messages: int = 0
    types: Counter[str] = field(default_factory=Counter)

    def add(self, message_type: str) -> None:
        """Count one message."""
        self.messages += 1
        self._count(message_type[:_LONGEST_TYPE], 1)

    def merge(self, other: Unlisted) -> None:
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
class Tally:
    """An observer that counts, the messages of a feed apart from what was there before.

    ``routes`` are the names of each stream's routes. ``marks`` are the last ids of the streams before
    the feed; a stream without a mark has no feed. ``happened`` counts by stream what concerns no route:
    each ``Incident``, and messages that could not be decoded, that no route lists, or that were lost to
    another worker while they were held here.
    """

    routes: Mapping[str, tuple[str, ...]]
    marks: dict[str, str] = field(default_factory=dict)
    fed: Counts = field(default_factory=dict)
    leftover: Counts = field(default_factory=dict)
    unlisted: Unlisted = field(default_factory=Unlisted)
    happened: Counter[tuple[str, str]] = field(default_factory=Counter)
    _usual: dict[str, dict[str | None, Row]] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def observe(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        if result is _SUCCEEDED and not self.marks and isinstance(payload, Message):
            rows = self._usual.get(payload.stream)
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
                self.watch(_stream(payload), UNLISTED)
            case Result.LOST:
                self.watch(_stream(payload), LOST)
            case _:
                self._count(payload, route, result)

    def watch(self, stream: str, what: Incident | str, count: int = 1) -> None:
        """Count what concerns a stream; see ``Watch``."""
        with self._lock:
            self.happened[stream, str(what)] += count

    def count(self, what: Incident | str) -> int:
        """How often something happened, on all streams."""
        return sum(count for (_, name), count in dict(self.happened).items() if name == what)

    @property
    def failed(self) -> int:
        """How many messages failed for good."""
        return sum(row.failed for table in (self.fed, self.leftover) for row in table.values())

    def as_dict(self) -> dict[str, Any]:
        """The counts in a form that JSON can hold, which ``from_dict`` takes; a feed's are not among them."""
        return {
            "routes": [
                {"stream": stream, "route": route, **row.as_dict()}
                for (stream, route), row in self.leftover.copy().items()
            ],
            "unlisted": {"messages": self.unlisted.messages, "types": dict(self.unlisted.types)},
            "happened": [
                {"stream": stream, "what": what, "count": count}
                for (stream, what), count in dict(self.happened).items()
            ],
        }

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> Self:
        """The tally that ``as_dict`` was taken from, without its routes.

        It may be that of another version: what it does not have is 0, and what is unknown here is ignored.
        Raises KeyError, TypeError, ValueError or AttributeError for what is no such dict.
        """
        tally = cls({})
        for row in counts.get("routes", ()):
            tally.leftover[row["stream"], row["route"]] = Row.from_dict(row)
        unlisted = counts.get("unlisted", {})
        types = {name: int(count) for name, count in unlisted.get("types", {}).items()}
        tally.unlisted = Unlisted(int(unlisted.get("messages", 0)), Counter(types))
        for told in counts.get("happened", ()):
            tally.happened[told["stream"], told["what"]] = int(told["count"])
        return tally

    def add(self, other: Tally) -> None:
        """Count what another tally has counted; a feed's counts are left out."""
        for key, row in other.leftover.copy().items():
            self.leftover.setdefault(key, Row()).add(row)
        self.unlisted.merge(other.unlisted)
        for (stream, what), count in dict(other.happened).items():
            self.watch(stream, what, count)

    def rows(self, counts: Counts) -> Iterator[tuple[str, str, Row]]:
        """Stream, route and counts: every configured route first, in order, then what had none."""
        configured = [(stream, route) for stream, routes in self.routes.items() for route in routes]
        others = sorted(counts.keys() - set(configured))
        for stream, route in configured + others:
            yield stream, route, counts.get((stream, route), Row())

    def _count(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        message = payload if isinstance(payload, Message) else Message({})
        table = self.fed if self._is_fed(message) else self.leftover
        row = table.setdefault((message.stream, self._told_apart(table, message.stream, route)), Row())
        if table is self.leftover and route in self.routes.get(message.stream, ()):
            self._usual.setdefault(message.stream, {})[route] = row
        match result:
            case Result.POSTPONED:
                row.postponed += 1
                return  # it will be here again, and is matched then
            case Result.SUCCEEDED:
                row.succeeded += 1
            case Result.DEAD:
                row.failed += 1
                if route is None and message.fault is not None:
                    self.watch(message.stream, UNDECODABLE)
            case Result.RETRIED:
                row.retried += 1
            case Result.SKIPPED:
                row.skipped += 1
        row.matched += route is not None and message.attempt == 1

    def _told_apart(self, table: Counts, stream: str, route: str | None) -> str:
        """The route's name in a table of a bounded size."""
        if route is None:
            return NO_ROUTE
        if route in self.routes.get(stream, ()) or (stream, route) in table:
            return route
        most = sum(map(len, self.routes.values())) + _MOST_OTHERS
        return clip(route, NAME) if len(table) < most else OTHER_ROUTES

    def _is_fed(self, message: Message) -> bool:
        mark = self.marks.get(message.stream)
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
