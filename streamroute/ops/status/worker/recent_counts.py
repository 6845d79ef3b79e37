"""Recent counts: what was counted in about the last minute, from totals that only grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

_WINDOW: Final = 60.0  # seconds
_SAMPLES: Final = 6

Totals = tuple[int, ...]


class _Sample(NamedTuple):
    time: float
    totals: Mapping[Any, Totals]


class RecentCounts(Generic[K]):
    """Differences between totals now and those of ``window`` seconds ago, or up to a sixth of it earlier.

    Keeps a few samples of all totals, which share what did not change. ``start`` is the time (monotonic) at
    which all totals were zero.
    """

    def __init__(self, start: float, window: float = _WINDOW) -> None:
        self._step = window / _SAMPLES
        self._samples: deque[_Sample] = deque([_Sample(start, {})], maxlen=_SAMPLES + 1)

    def window(self, now: float) -> float:
        """Return over how many seconds the counts of ``update`` at this time are."""
        return now - self._samples[0].time

    def update(self, totals: Mapping[K, Totals], now: float) -> dict[K, Totals]:
        """Return by how much each of the totals has grown; totals that have not are left out."""
        oldest = self._samples[0].totals
        grown = {
            key: _difference(total, before)
            for key, total in totals.items()
            if total != (before := oldest.get(key)) and any(total)
        }
        self._keep(totals, now)
        return grown

    def _keep(self, totals: Mapping[K, Totals], now: float) -> None:
        latest = self._samples[-1]
        if now - latest.time >= self._step:
            shared = {key: _same(latest.totals.get(key), total) for key, total in totals.items()}
            self._samples.append(_Sample(now, shared))


def _difference(total: Totals, before: Totals | None) -> Totals:
    if before is None or len(before) != len(total):
        return total
    return tuple(map(int.__sub__, total, before))


def _same(before: Totals | None, total: Totals) -> Totals:
    return before if before == total else total
