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
        self._skipped = 0  # entries of the last read, which did not become messages
        self._all_skipped = 0

    def room(self, *, queued: int, free: int, started: int) -> int:
        """Return how many entries may be queued, given those queued, idle workers and the total started."""
        self._skipped = 0
        self._note(started + self._all_skipped)
        wanted = free + math.ceil(self._rate * self._ahead)
        if not queued and free:
            wanted = max(wanted, 2 * self._last)  # workers are waiting for entries
        return max(1, min(wanted, 2 * self.most))

    @property
    def most(self) -> int:
        """The largest read allowed now."""
        return max(1, min(self._most, max(_FIRST, 2 * self._last), int(BUDGET / self._bytes)))

    def record_read(self, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Record the number and sizes of entries that were read, which determine the next read."""
        self._last = self._skipped + len(entries)
        self.record_sizes(entries)

    def record_skipped(self, count: int, mean_bytes: float) -> None:
        """Record entries of a read that need no handler; ``record_read`` follows if there are others.

        They count as started, and for the size of the next read: the next one may skip as many.
        """
        self._skipped = self._last = count
        self._all_skipped += count
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
