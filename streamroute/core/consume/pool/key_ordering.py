"""Key ordering: entries with equal keys run one at a time, in order; other entries run concurrently.

An entry whose key is taken waits in a queue of that key and occupies no worker. An entry without a key does
not wait.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from streamroute.logs.exception_text import error_line

log = logging.getLogger(__name__)

Entry = tuple[str, dict[str, Any]]
KeyOf = Callable[[dict[str, Any]], Hashable | None]
"""Returns the key of a payload; None if it is not ordered. A payload for which it raises is not ordered."""


class KeyedQueue:
    """Decides which entries may start, and queues those whose key is taken."""

    def __init__(self, key_of: KeyOf) -> None:
        self._key_of = key_of
        self._holders: dict[str, Hashable] = {}
        self._waiting: dict[Hashable, deque[Entry]] = {}
        self._first: dict[Hashable, int] = {}  # number of entries at the head of a queue that were put first
        self.waiting = 0
        """The number of waiting entries."""

    def admit(self, entries: Iterable[Entry], *, first: bool) -> list[Entry]:
        """Return the entries that may start now, and queue the others.

        ``first`` queues them at the head, behind entries that were put first before.
        """
        ready: list[Entry] = []
        blocked: dict[Hashable, list[Entry]] = {}
        for entry in entries:
            key = self._key(entry[1])
            if key is None:
                ready.append(entry)
            elif key in self._waiting:
                blocked.setdefault(key, []).append(entry)
            else:
                self._waiting[key] = deque()
                self._holders[entry[0]] = key
                ready.append(entry)
        for key, entries_of_key in blocked.items():
            self._wait(key, entries_of_key, first)
        return ready

    def _key(self, payload: dict[str, Any]) -> Hashable | None:
        try:
            key = self._key_of(payload)
            hash(key)
        except BaseException as error:  # noqa: BLE001 - else nothing would be read any more
            log.warning("order_by failed; the message is not ordered: %s", error_line(error))
            return None
        return key

    def _wait(self, key: Hashable, entries: list[Entry], first: bool) -> None:
        self.waiting += len(entries)
        queue = self._waiting[key]
        if not first:
            queue.extend(entries)
            return
        ahead = self._first.get(key, 0)
        queue.rotate(-ahead)
        queue.extendleft(reversed(entries))
        queue.rotate(ahead)
        self._first[key] = ahead + len(entries)

    def _remove_from_first(self, key: Hashable) -> None:
        """Record that an entry put first has left this key's queue."""
        remaining = self._first.pop(key, 0) - 1
        if remaining > 0:
            self._first[key] = remaining

    def acquire(self, entry: Entry, ready: deque[Entry]) -> None:
        """Give the key to an entry that starts now.

        No entry with its key may be running. One among ``ready`` that has not started waits behind it.
        """
        key = self._key(entry[1])
        if key is None:
            return
        queue = self._waiting.setdefault(key, deque())
        for other in [candidate for candidate in ready if self._holders.get(candidate[0]) == key]:
            ready.remove(other)
            del self._holders[other[0]]
            queue.appendleft(other)
            self._first[key] = self._first.get(key, 0) + 1
            self.waiting += 1
        self._holders[entry[0]] = key

    def waiting_ids(self) -> list[str]:
        """Return the ids of waiting entries; may be called from any thread while the loop is blocked."""
        return [entry_id for queue in list(self._waiting.values()) for entry_id, _ in queue.copy()]

    def complete(self, entry_id: str) -> Entry | None:
        """Release the key of an entry that has ended or will not start; return the next entry with it."""
        key = self._holders.pop(entry_id, None)
        if key is None:
            return None
        queue = self._waiting[key]
        if not queue:
            del self._waiting[key]
            return None
        self.waiting -= 1
        following = queue.popleft()
        self._remove_from_first(key)
        self._holders[following[0]] = key
        return following

    def discard(self, entry_id: str) -> None:
        """Remove a waiting entry; do nothing if it does not wait."""
        for key, queue in self._waiting.items():
            for position, entry in enumerate(queue):
                if entry[0] == entry_id:
                    queue.remove(entry)
                    self.waiting -= 1
                    if position < self._first.get(key, 0):
                        self._remove_from_first(key)
                    return

    def clear(self) -> list[Entry]:
        """Remove and return all waiting entries. Keys of running entries remain taken."""
        entries = [entry for queue in self._waiting.values() for entry in queue]
        for queue in self._waiting.values():
            queue.clear()
        self._first.clear()
        self.waiting = 0
        return entries
