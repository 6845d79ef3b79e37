"""Run queue: entries in the order in which they start; those with equal keys run one at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

from streamroute.core.consume.pool.key_ordering import Entry, KeyedQueue


class RunQueue:
    """Entries that have not started. ``startable`` are those that may start now, in order.

    While paused, only entries added by ``put_exclusive`` may start. ``order`` holds back entries whose key is
    taken.
    """

    def __init__(self, order: KeyedQueue | None = None) -> None:
        self._order = order
        self._queue: deque[Entry] = deque()
        self._exclusive: deque[Entry] = deque()
        self.startable = self._queue
        self._put = 0
        self._first_until = 0  # value of ``started`` at which no entry put first is queued any more

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def started(self) -> int:
        """The total number of entries that have left the queue."""
        return self._put - len(self._queue)

    @property
    def has_order(self) -> bool:
        """Whether entries may wait for their key; then ``complete`` must be called for each ended entry."""
        return self._order is not None

    @property
    def waiting_for_key(self) -> int:
        """The number of entries that wait for another entry with the same key."""
        return 0 if self._order is None else self._order.waiting

    @property
    def is_paused(self) -> bool:
        """Whether only exclusive entries may start."""
        return self.startable is self._exclusive

    @property
    def has_exclusive(self) -> bool:
        """Whether the queue is paused and an exclusive entry has not started."""
        return self.is_paused and bool(self._exclusive)

    def ids(self) -> Collection[str]:
        """Return the ids of unstarted entries; may be called from any thread while the loop is blocked."""
        ids = [entry_id for entry_id, _ in (*self._queue.copy(), *self._exclusive.copy())]
        return [*ids, *self._order.waiting_ids()] if self._order is not None else ids

    def put(self, entries: list[Entry], *, first: bool) -> None:
        """Queue entries in order; ``first`` puts them at the head, behind entries put first before."""
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
        """Start no queued entries until ``resume()``."""
        self.startable = self._exclusive

    def resume(self) -> None:
        """Start queued entries again, beginning with exclusive ones that have not started."""
        self.startable = self._queue
        self._queue.extendleft(reversed(self._exclusive))
        self._exclusive.clear()

    def put_exclusive(self, entries: list[Entry]) -> None:
        """Let these entries start while paused, before queued entries with their keys."""
        if self._order is not None:
            for entry in entries:
                self._order.acquire(entry, self._queue)
        self._put += len(entries)
        self._exclusive.extend(entries)

    def complete(self, entry_id: str) -> bool:
        """Record the end of an entry: queue the next one with its key; return whether there was one."""
        following = None if self._order is None else self._order.complete(entry_id)
        if following is None:
            return False
        self._put += 1
        self._queue.append(following)
        return True

    def discard(self, entry_id: str) -> bool:
        """Remove an entry; return whether it could have started (one that waits for its key could not)."""
        was_queued = _take_out(entry_id, self._queue) or _take_out(entry_id, self._exclusive)
        if self._order is not None:
            self._order.discard(entry_id)
        return was_queued

    def clear(self) -> dict[str, dict[str, Any]]:
        """Empty the queue; return the entries by id."""
        unstarted = dict([*self._queue, *self._exclusive])
        self._queue.clear()
        self._exclusive.clear()
        if self._order is not None:
            unstarted.update(self._order.clear())
        return unstarted


def _take_out(entry_id: str, queue: deque[Entry]) -> bool:
    """Remove an entry from a queue; return whether it was there."""
    kept = [entry for entry in queue if entry[0] != entry_id]
    if len(kept) == len(queue):
        return False
    queue.clear()
    queue.extend(kept)
    return True
