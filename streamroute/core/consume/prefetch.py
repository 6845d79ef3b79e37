"""PrefetchWindow: how many entries to ask for, so that handlers are busy and others get what they could do.

What is read waits in this process, invisible to other workers. So no more is read than the free workers take
at once and the handlers start within a moment; and of large entries few, since they lie in memory.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from streamroute.message import Message

_FIRST: Final = 4  # entries in a first read; each may be twice as large as what the one before brought
BUDGET: Final = 16 * 1024 * 1024  # bytes that one read should bring at most
_SAMPLE: Final = 8  # entries of each read that are measured


class PrefetchWindow:
    """The size of reads: at most ``most`` entries, and what is started in ``ahead`` seconds."""

    def __init__(self, most: int, ahead: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._ahead = ahead
        self._clock = clock
        self._last = 0
        self._rate = 0.0
        self._started = 0
        self._since = clock()
        self._bytes = 1.0

    def room(self, *, queued: int, free: int, started: int) -> int:
        """How many entries may be queued; ``queued`` are, ``free`` workers idle, ``started`` counts all."""
        self._note(started)
        wanted = free + math.ceil(self._rate * self._ahead)
        if not queued and free:
            wanted = max(wanted, 2 * self._last)  # the handlers are waiting for entries
        return max(1, min(wanted, 2 * self.most))

    @property
    def most(self) -> int:
        """The largest read for now."""
        return max(1, min(self._most, max(_FIRST, 2 * self._last), int(BUDGET / self._bytes)))

    def record_read(self, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """These were read: their number and their sizes say how many to ask for the next time."""
        self._last = len(entries)
        self.record_sizes(entries)

    def record_sizes(self, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """These came: of large entries, few are to be asked for."""
        sizes = [_size(payload) for _, payload in entries[:: max(1, len(entries) // _SAMPLE)]]
        if sizes:
            self._bytes = max(1.0, self._bytes / 2, sum(sizes) / len(sizes))

    def _note(self, started: int) -> None:
        """The rate at which handlers start, over the last moments."""
        now = self._clock()
        passed = now - self._since
        if passed < 1e-6:
            return
        weight = 1 - math.exp(-passed / self._ahead)
        self._rate += weight * ((started - self._started) / passed - self._rate)
        self._started, self._since = started, now


def over_byte_budget(entries: Sequence[tuple[str, dict[str, Any]]]) -> bool:
    """Whether a claim brought about as many bytes as one should: there may be more, whatever their number."""
    return sum(_size(payload) for _, payload in entries) > BUDGET // 2


def _size(payload: dict[str, Any]) -> int:
    """About how many bytes an entry had; 0 where that is not known."""
    if not isinstance(payload, Message):
        return 0
    parts = payload.raw if isinstance(payload.raw, list) else [*payload.raw, *payload.raw.values()]
    return sum(map(len, parts))
