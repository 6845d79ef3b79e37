"""PrefetchWindow: how many entries to read, so that handlers stay busy and other workers get their share.

Entries that were read wait in this process, and other workers cannot take them. So a read is limited to what
idle workers take at once plus what handlers will start soon, and to few entries if they are large.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from streamroute.message import entry_size

_FIRST: Final = 4  # entries in the first read; each read may be twice as large as the previous one
BUDGET: Final = 16 * 1024 * 1024  # bytes of one read, at most
_SAMPLE: Final = 8  # entries measured in each read


class PrefetchWindow:
    """The size of reads: at most ``most`` entries, and what handlers start in ``ahead`` seconds."""

    def __init__(self, most: int, ahead: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._ahead = ahead
        self._clock = clock
        self._last = 0
        self._rate = 0.0
        self._started = 0
        self._since = clock()
        self._bytes = 1.0
        self._needed = 0  # entries of the last read that need a handler
        self._skipped = 0  # and those that need none
        self._share = 1.0  # of the entries that are read: those that need a handler

    def room(self, *, queued: int, free: int, started: int) -> int:
        """Return how many entries may be queued, given those queued, idle workers and the total started."""
        self._skipped = 0
        self._note(started)
        wanted = free + math.ceil(self._rate * self._ahead)
        if not queued and free:
            wanted = max(wanted, 2 * self._needed)  # workers are waiting for entries
        return max(1, min(wanted, 2 * self.most))

    def size(self, room: int) -> int:
        """Return how many entries to read for a queue with this room: some of them may be skipped."""
        return max(1, min(self.most, int(room / self._share)))

    @property
    def most(self) -> int:
        """The largest read allowed now."""
        return max(1, min(self._most, max(_FIRST, 2 * self._last), int(BUDGET / self._bytes)))

    def record_read(self, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Record the number and sizes of entries that were read, which determine the next read."""
        self._last, self._needed = self._skipped + len(entries), len(entries)
        if not self._skipped:
            self._share = 1.0
        self.record_sizes(entries)

    def record_skipped(self, count: int, of: int, mean_bytes: float) -> None:
        """Record that so many entries of a read need no handler; ``record_read`` follows if there are others.

        The next read may skip as many, so it may be larger than the room in the queue.
        """
        self._skipped, self._last, self._needed = count, of, of - count
        self._share = max(self._needed / of, self._share / 2, 1 / self._most)
        self._bytes = max(1.0, self._bytes / 2, mean_bytes)

    def record_sizes(self, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Record the sizes of entries: reads of large entries are smaller."""
        sizes = [entry_size(payload) for _, payload in entries[:: max(1, len(entries) // _SAMPLE)]]
        if sizes:
            self._bytes = max(1.0, self._bytes / 2, sum(sizes) / len(sizes))

    def _note(self, started: int) -> None:
        """Update the recent rate at which handlers start."""
        now = self._clock()
        passed = now - self._since
        if passed < 1e-6:
            return
        weight = 1 - math.exp(-passed / self._ahead)
        self._rate += weight * ((started - self._started) / passed - self._rate)
        self._started, self._since = started, now


def over_byte_budget(entries: Sequence[tuple[str, dict[str, Any]]], budget: int = BUDGET) -> bool:
    """Whether a claim may have stopped at the byte budget, so that more entries can be claimed."""
    return sum(entry_size(payload) for _, payload in entries) > budget // 2
