"""A stream with consumer groups in memory.

It follows the server's rules: ids increase, a group delivers each entry to one consumer, and a delivered
entry stays pending until it is acknowledged. Times are in seconds, by the caller's clock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streamroute.adapters.entries.entry_ids import Position, format_id, parse_id

Fields = Mapping[bytes, bytes]

RELEASED = None
"""The consumer of a released entry."""


@dataclass(slots=True)
class Pending:
    """A pending entry: its consumer, the time of its delivery, and its delivery count."""

    consumer: str | None
    since: float
    deliveries: int


class ClaimedEntry(NamedTuple):
    """A claimed entry; ``fields`` is None if it was deleted while pending."""

    id: str
    deliveries: int
    fields: Fields | None


@dataclass(slots=True)
class MemoryGroup:
    """The position of one consumer group, and its pending entries by id."""

    position: Position = (0, 0)
    pending: dict[str, Pending] = field(default_factory=dict)

    def needed(self) -> Iterator[Position]:
        """Yield positions; the lowest one is the oldest that the group still needs."""
        yield self.position
        yield from map(parse_id, self.pending)

    def held(self, consumer: str, entry_id: str, deliveries: int) -> Pending | None:
        """Return the pending entry if this consumer holds it at this delivery count, else None."""
        held = self.pending.get(entry_id)
        is_own = held is not None and (held.consumer, held.deliveries) == (consumer, deliveries)
        return held if is_own else None


class MemoryStream:
    """Entries in the order of their ids, and the groups that read them."""

    def __init__(self) -> None:
        self.entries: dict[str, Fields] = {}
        self.groups: dict[str, MemoryGroup] = {}
        self._order: list[Position] = []
        self._last: Position = (0, 0)

    def add(self, fields: Fields, now: float) -> str:
        """Append an entry; returns its id, which is greater than all earlier ids."""
        self._last = max((int(now * 1000), 0), (self._last[0], self._last[1] + 1))
        self._order.append(self._last)
        entry_id = format_id(self._last)
        self.entries[entry_id] = fields
        return entry_id

    def delete(self, entry_ids: Iterable[str]) -> None:
        """Delete entries, pending or not."""
        for entry_id in entry_ids:
            if self.entries.pop(entry_id, None) is not None:
                self._order.remove(parse_id(entry_id))

    def read(self, group: MemoryGroup, consumer: str, count: int, now: float) -> list[tuple[str, Fields]]:
        """Deliver up to ``count`` entries that the group has not read."""
        start = bisect_right(self._order, group.position)
        names = [format_id(position) for position in self._order[start : start + count]]
        for name in names:
            group.position = parse_id(name)
            group.pending[name] = Pending(consumer, now, 1)
        return [(name, self.entries[name]) for name in names]

    def unread(self, group: str) -> int:
        """Return how many entries the group has not read; all of them if it does not exist yet."""
        position = self.groups[group].position if group in self.groups else (0, 0)
        return len(self._order) - bisect_right(self._order, position)

    def trim(self, cutoff: float) -> int:
        """Delete entries older than ``cutoff`` (seconds) that no group needs; returns their number."""
        if not self.groups:
            return 0
        needed = min(position for group in self.groups.values() for position in group.needed())
        old = min(needed, (int(cutoff * 1000), 0))
        trimmed = self._order[: bisect_left(self._order, old)]
        self.delete([format_id(position) for position in trimmed])
        return len(trimmed)

    def claim(
        self,
        group: MemoryGroup,
        consumer: str,
        idle: float,
        count: int,
        now: float,
        last: int,
        is_allowed: Callable[[int], bool],
    ) -> list[ClaimedEntry]:
        """Claim up to ``count`` entries that were released or idle for ``idle`` seconds.

        Delivery counts are capped at one above ``last`` (0: no cap); ``is_allowed`` is called with each new
        delivery count. Entries that were deleted while pending are acknowledged.
        """
        claimed: list[ClaimedEntry] = []
        for name in [name for name, held in group.pending.items() if _is_free(held, idle, now)]:
            deliveries_before = group.pending[name].deliveries
            deliveries = (min(deliveries_before, last) if last else deliveries_before) + 1
            if len(claimed) == count or not is_allowed(deliveries):
                continue
            claimed.append(ClaimedEntry(name, deliveries, self.entries.get(name)))
            if name in self.entries:
                group.pending[name] = Pending(consumer, now, deliveries)
            else:
                del group.pending[name]
        return claimed


def _is_free(held: Pending, idle: float, now: float) -> bool:
    return held.consumer is RELEASED or now - held.since >= idle
