"""Ordering: entries with equal keys start one after the other, in order, while others run beside them.

An entry whose key is taken waits in the key's own queue, and occupies no worker. An entry without a key does
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
"""The key of a payload; None for one that is not ordered, as for one on which this raises."""


class KeyedQueue:
    """Which entries may start, and which wait for another with the same key to end."""

    def __init__(self, key_of: KeyOf) -> None:
        self._key_of = key_of
        self._holders: dict[str, Hashable] = {}
        self._waiting: dict[Hashable, deque[Entry]] = {}
        self._first: dict[Hashable, int] = {}  # how many at the head of a queue were put there as first
        self.waiting = 0
        """How many entries wait."""

    def admit(self, entries: Iterable[Entry], *, first: bool) -> list[Entry]:
        """Those of the entries that may start now.

        ``first`` lets the others wait at the head, behind those that were let wait there before.
        """
        ready: list[Entry] = []
        late: dict[Hashable, list[Entry]] = {}
        for entry in entries:
            key = self._key(entry[1])
            if key is None:
                ready.append(entry)
            elif key in self._waiting:
                late.setdefault(key, []).append(entry)
            else:
                self._waiting[key] = deque()
                self._holders[entry[0]] = key
                ready.append(entry)
        for key, behind in late.items():
            self._wait(key, behind, first)
        return ready

    def _key(self, payload: dict[str, Any]) -> Hashable | None:
        try:
            key = self._key_of(payload)
            hash(key)
        except BaseException as error:  # noqa: BLE001 - else nothing would be read any more
            log.warning("order_by failed, and the message starts without an order: %s", error_line(error))
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
        """One of those at the head of this key's queue that were put there has left it."""
        left = self._first.pop(key, 0) - 1
        if left > 0:
            self._first[key] = left

    def acquire(self, entry: Entry, ready: deque[Entry]) -> None:
        """This entry starts now, and has its key from now on.

        Nothing with its key runs. One that is among the ``ready`` and has not started waits behind it.
        """
        key = self._key(entry[1])
        if key is None:
            return
        queue = self._waiting.setdefault(key, deque())
        for other in [one for one in ready if self._holders.get(one[0]) == key]:
            ready.remove(other)
            del self._holders[other[0]]
            queue.appendleft(other)
            self._first[key] = self._first.get(key, 0) + 1
            self.waiting += 1
        self._holders[entry[0]] = key

    def waiting_ids(self) -> list[str]:
        """The ids of what waits; may be asked from any thread while the event loop hangs."""
        return [entry_id for queue in list(self._waiting.values()) for entry_id, _ in queue.copy()]

    def complete(self, entry_id: str) -> Entry | None:
        """This entry has ended, or will not start; returns the one that may start in its place."""
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
        """This entry waits no longer; harmless for one that does not wait."""
        for key, queue in self._waiting.items():
            for position, entry in enumerate(queue):
                if entry[0] == entry_id:
                    queue.remove(entry)
                    self.waiting -= 1
                    if position < self._first.get(key, 0):
                        self._remove_from_first(key)
                    return

    def clear(self) -> list[Entry]:
        """Nothing waits any more; returns what did. Keys whose entries run are still taken."""
        left = [entry for queue in self._waiting.values() for entry in queue]
        for queue in self._waiting.values():
            queue.clear()
        self._first.clear()
        self.waiting = 0
        return left
