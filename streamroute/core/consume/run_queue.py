"""Run queue: entries in the order in which they start, those with equal keys one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

from streamroute.core.consume.key_ordering import Entry, KeyedQueue


class RunQueue:
    """What has not started. ``startable`` are the entries that may start now, first to last.

    While it is paused, only what ``put_exclusive`` adds may start. ``order`` keeps back entries whose key is
    taken.
    """

    def __init__(self, order: KeyedQueue | None = None) -> None:
        self._order = order
        self._queue: deque[Entry] = deque()
        self._exclusive: deque[Entry] = deque()
        self.startable = self._queue
        self._put = 0
        self._first_until = 0  # how many have started when none is queued any more that was put first

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def started(self) -> int:
        """How many entries have left the queue, ever."""
        return self._put - len(self._queue)

    @property
    def has_order(self) -> bool:
        """Whether entries may wait for their key, and ``complete`` has to be called for each that ended."""
        return self._order is not None

    @property
    def waiting_for_key(self) -> int:
        """How many entries wait for another one with the same key."""
        return 0 if self._order is None else self._order.waiting

    @property
    def has_exclusive(self) -> bool:
        """Whether it is paused, and an exclusive entry has not started."""
        return self.startable is self._exclusive and bool(self._exclusive)

    def ids(self) -> Collection[str]:
        """The ids of what has not started; may be called from any thread while the event loop hangs."""
        ids = [entry_id for entry_id, _ in (*self._queue.copy(), *self._exclusive.copy())]
        return [*ids, *self._order.waiting_ids()] if self._order is not None else ids

    def put(self, entries: list[Entry], *, first: bool) -> None:
        """Queue entries in order; ``first`` puts them before what is queued, behind others put so before."""
        if self._order is not None:
            entries = self._order.admit(entries, first=first)
        if first:
            self._put_first(entries)
        else:
            self._queue.extend(entries)
        self._put += len(entries)

    def _put_first(self, entries: list[Entry]) -> None:
        started, queue = self.started, self._queue
        ahead = min(len(queue), max(0, self._first_until - started))
        queue.rotate(-ahead)
        queue.extendleft(reversed(entries))
        queue.rotate(ahead)
        self._first_until = started + ahead + len(entries)

    def pause(self) -> None:
        """Let nothing start of what is queued until ``resume()``."""
        self.startable = self._exclusive

    def resume(self) -> None:
        """Go on with what is queued, what was put exclusively first."""
        self.startable = self._queue
        self._queue.extendleft(reversed(self._exclusive))
        self._exclusive.clear()

    def put_exclusive(self, entries: list[Entry]) -> None:
        """Let these start although it is paused, before what is queued with their keys."""
        if self._order is not None:
            for entry in entries:
                self._order.acquire(entry, self._queue)
        self._put += len(entries)
        self._exclusive.extend(entries)

    def complete(self, entry_id: str) -> bool:
        """An entry has ended: queue the next one with its key; return whether there was one."""
        following = None if self._order is None else self._order.complete(entry_id)
        if following is None:
            return False
        self._put += 1
        self._queue.append(following)
        return True

    def discard(self, entry_id: str) -> bool:
        """Take an entry out; return whether it could have started (one that waited for its key could not)."""
        was_queued = _take_out(entry_id, self._queue) or _take_out(entry_id, self._exclusive)
        if self._order is not None:
            self._order.discard(entry_id)
        return was_queued

    def clear(self) -> dict[str, dict[str, Any]]:
        """Empty the queue; return what will not start."""
        unstarted = dict([*self._queue, *self._exclusive])
        self._queue.clear()
        self._exclusive.clear()
        if self._order is not None:
            unstarted.update(self._order.clear())
        return unstarted


def _take_out(entry_id: str, queue: deque[Entry]) -> bool:
    """Take an entry out of a queue; return whether it was there."""
    kept = [entry for entry in queue if entry[0] != entry_id]
    if len(kept) == len(queue):
        return False
    queue.clear()
    queue.extend(kept)
    return True
