"""Tally: how many messages each route matched, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamroute.core.observer import Result
from streamroute.message import Message

NO_ROUTE: Final = "(no route)"


@dataclass(slots=True)
class Row:
    """The counts of one route: messages that it matched, handled, and gave up."""

    matched: int = 0
    succeeded: int = 0
    failed: int = 0


@dataclass(slots=True)
class Tally:
    """An observer that counts, the messages of a feed apart from what was there before.

    ``marks`` are the last ids of the streams before the feed; a stream without a mark has no feed.
    """

    routes: Mapping[str, tuple[str, ...]]
    marks: dict[str, str] = field(default_factory=dict)
    fed: dict[tuple[str, str], Row] = field(default_factory=dict)
    leftover: dict[tuple[str, str], Row] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def __call__(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        stream, entry_id, attempt = "", "", 1
        if isinstance(payload, Message):
            stream, entry_id, attempt = payload.stream, payload.id, payload.attempt
        if result is Result.UNKNOWN:
            self.unknown[str(payload.get("type"))] = self.unknown.get(str(payload.get("type")), 0) + 1
        if result in (Result.UNKNOWN, Result.FILTERED):
            return
        table = self.fed if self._is_fed(stream, entry_id) else self.leftover
        row = table.setdefault((stream, route or NO_ROUTE), Row())
        row.matched += route is not None and attempt == 1
        row.succeeded += result is Result.SUCCEEDED
        row.failed += result is Result.DEAD

    @property
    def failed(self) -> int:
        """How many messages failed for good."""
        return sum(row.failed for table in (self.fed, self.leftover) for row in table.values())

    def rows(self, table: Mapping[tuple[str, str], Row]) -> Iterator[tuple[str, str, Row]]:
        """Stream, route and counts: every configured route first, in order, then what had none."""
        configured = [(stream, route) for stream, routes in self.routes.items() for route in routes]
        others = [key for key in table if key not in configured]
        for stream, route in configured + sorted(others):
            yield stream, route, table.get((stream, route), Row())

    def _is_fed(self, stream: str, entry_id: str) -> bool:
        mark = self.marks.get(stream)
        return mark is not None and order(entry_id) > order(mark)


def order(entry_id: str) -> tuple[int, int]:
    """An entry's id as numbers, which order as the stream does."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds or 0), int(sequence or 0)
