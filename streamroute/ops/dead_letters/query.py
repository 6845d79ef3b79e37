"""Dead letters of a configuration: which there are, and which of them are meant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from streamroute.adapters.stream.dead_letters import DeadLetters, StoredLetter

if TYPE_CHECKING:
    from streamroute.adapters.entries.records import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document, StreamConfig

NO_ROUTE: Final = "(no route)"
UNREADABLE: Final = "(unreadable)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which dead letters are meant: those that every condition takes; an empty one takes all.

    ``error`` and ``reason`` are parts of the text, in whatever case; ``older`` and ``newer`` are seconds
    since the letter was written.
    """

    ids: Sequence[str] = ()
    streams: Sequence[str] = ()
    routes: Sequence[str] = ()
    types: Sequence[str] = ()
    error: str = ""
    reason: str = ""
    older: float | None = None
    newer: float | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing was asked for in particular."""
        return self == Wanted(streams=self.streams)

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is meant; its id and its age have been looked at already."""
        return (
            (not self.streams or letter.stream in self.streams)
            and (not self.routes or not letter.route_names.isdisjoint(self.routes))
            and (not self.types or letter.type in self.types)
            and self.error.lower() in letter.error.lower()
            and self.reason.lower() in letter.reason.lower()
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter of one of the configuration's streams, and the box that it lies in.

    ``current`` is its record under the names that its routes and its group have now; None where there is no
    record.
    """

    box: DeadLetters
    stored: StoredLetter
    stream: str
    current: DeadRecord | None

    @property
    def record(self) -> DeadRecord | None:
        """What it says; None where it cannot be read."""
        return self.stored.record

    @property
    def route(self) -> str:
        """The route that failed, or what is said in its place."""
        if self.record is None:
            return UNREADABLE
        return self.record.route or NO_ROUTE

    @property
    def route_names(self) -> frozenset[str]:
        """The names of the route that failed: the one that it had, and the one that it has now."""
        now = self.current.route if self.current else None
        return frozenset(name for name in (self.route, now) if name is not None)

    @property
    def type(self) -> str:
        """The message's type, as far as it is known."""
        if self.record is None:
            return ""
        return self.record.type or self.record.fields.get(b"type", b"").decode(errors="replace")

    @property
    def error(self) -> str:
        """What was raised."""
        return self.record.error if self.record else ""

    @property
    def reason(self) -> str:
        """Why it is dead, without the error's own words."""
        if self.record is None:
            return "not a dead letter of streamroute's, or damaged"
        return self.record.reason.removesuffix(f": {self.record.error}")


@dataclass(frozen=True, slots=True)
class Page:
    """Letters that are meant, out of so many that were looked at."""

    letters: Sequence[Letter]
    scanned: int


class Office:
    """All dead letters of a configuration."""

    def __init__(self, redis: RedisConnection, document: Document) -> None:
        self._document = document
        self._homes: dict[str, list[StreamConfig]] = {}
        for stream in document.streams.values():
            self._homes.setdefault(stream.dead_letter, []).append(stream)
        self._boxes = [DeadLetters(redis, key) for key in self._homes]
        self._renamed = {name: _renamed_routes(document, name) for name in document.streams}

    async def count(self) -> int:
        """How many there are, of whatever kind."""
        return sum([await box.count() for box in self._boxes])

    async def now(self) -> int:
        """Redis's time, in ms since the epoch."""
        return await self._boxes[0].now() if self._boxes else 0

    async def find(self, wanted: Wanted) -> AsyncIterator[Page]:
        """The letters that are meant, oldest first in each box.

        What is written from now on is not among them: a letter that runs again may soon be a new one.
        """
        for box in self._boxes:
            now = await box.now()  # in a cluster each box may be on a server of its own
            since = 0 if wanted.newer is None else now - int(wanted.newer * 1000)
            until = now - int((wanted.older or 0) * 1000)
            async for stored in self._stored(box, wanted.ids, since, until):
                letters = [letter for one in stored for letter in self._owned(box, one)]
                yield Page([letter for letter in letters if wanted.takes(letter)], len(stored))

    async def _stored(
        self, box: DeadLetters, ids: Sequence[str], since: int, until: int
    ) -> AsyncIterator[list[StoredLetter]]:
        if not ids:
            async for page in box.pages(since=since, until=until):
                yield page
            return
        for letter_id in ids:
            found = await box.find(letter_id)
            if found is not None and since <= found.at <= until:
                yield [found]

    def _owned(self, box: DeadLetters, stored: StoredLetter) -> list[Letter]:
        """The letter as one of ours; a box may hold those of other configurations too."""
        homes, record = self._homes[box.key], stored.record
        if record is None:
            return [Letter(box, stored, homes[0].name, None)]
        owners = [home for home in homes if home.name == record.stream and _has_been(home, record.group)]
        return [Letter(box, stored, home.name, self._current(record, home)) for home in owners]

    def _current(self, record: DeadRecord, home: StreamConfig) -> DeadRecord:
        """The record under the names that its routes and its group have now."""
        renamed = self._renamed[home.name]
        return replace(
            record,
            group=home.group,
            route=record.route and renamed.get(record.route, record.route),
            routes=[renamed.get(name, name) for name in record.routes],
        )

    def refusal(self, letter: Letter) -> str | None:
        """Why a letter cannot run again under this configuration; None where it can."""
        record = letter.current
        if record is None:
            return letter.reason
        names = record.routes if record.route is None else [record.route]
        served = {route.name for route in self._document.served(letter.stream)}
        for name in names:
            if name not in served:
                return self._absence(name, letter.stream)
        return None

    def _absence(self, name: str, stream: str) -> str:
        routes = {route.name: route for route in self._document.routes}
        if name not in routes:
            return f'the route "{name}" is no longer configured'
        if not routes[name].enabled:
            return f'the route "{name}" is disabled'
        return f'the route "{name}" no longer takes the stream "{stream}"'


def _renamed_routes(document: Document, stream: str) -> dict[str, str]:
    """From the former names of the stream's routes to their names of now."""
    routes = (route for route in document.routes if stream in route.streams)
    return {old: route.name for route in routes for old in route.formerly}


def _has_been(home: StreamConfig, group: str) -> bool:
    """Whether the stream is, or was before, consumed in this group."""
    return group in (home.group, home.formerly_group)
