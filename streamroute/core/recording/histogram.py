"""Histogram: how many durations lie within each of a fixed set of limits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final, Self

LIMITS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper limits of the buckets in seconds, inclusive; one more bucket holds what is longer."""

_BUCKETS: Final = len(LIMITS) + 1


class Histogram:
    """Counts of durations by bucket, and ``seconds``, their sum; one thread adds, and others may read."""

    __slots__ = ("counts", "seconds")

    def __init__(self, counts: Sequence[int] = (0,) * _BUCKETS, seconds: float = 0.0) -> None:
        self.counts = list(counts)
        self.seconds = seconds

    @property
    def count(self) -> int:
        """The number of durations."""
        return sum(self.counts)

    def record(self, seconds: float, weight: int = 1) -> None:
        """Add a duration, which stands for ``weight`` of about this length."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(LIMITS, seconds)] += weight
        self.seconds += seconds * weight

    def add(self, other: Histogram) -> None:
        """Add the durations of another."""
        for bucket, count in enumerate(other.counts):
            self.counts[bucket] += count
        self.seconds += other.seconds

    def minus(self, earlier: Histogram) -> Histogram:
        """Return what was added since ``earlier``, a copy of this histogram."""
        pairs = zip(self.counts, earlier.counts, strict=True)
        return Histogram([now - then for now, then in pairs], self.seconds - earlier.seconds)

    def copy(self) -> Histogram:
        """Return a copy."""
        return Histogram(self.counts, self.seconds)

    def quantile(self, share: float) -> float | None:
        """Return a duration in seconds that ``share`` (0 to 1) of all do not exceed; None if there are none.

        It is interpolated within its bucket; in the last bucket, it is the highest limit.
        """
        rank = share * self.count
        if not self.count:
            return None
        below, lowest = 0, 0.0
        for limit, count in zip(LIMITS, self.counts, strict=False):
            if count and below + count >= rank:
                return lowest + (limit - lowest) * max(0.0, rank - below) / count
            below, lowest = below + count, limit
        return LIMITS[-1]

    def as_list(self) -> list[float]:
        """Return the sum and the counts of the buckets but the last empty ones, for ``from_list``."""
        counts = self.counts.copy()
        while counts and not counts[-1]:
            counts.pop()
        return [round(self.seconds, 6), *counts]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Self:
        """Read the result of ``as_list``; raises TypeError or ValueError if it is anything else."""
        seconds, *counts = values
        if len(counts) > _BUCKETS:
            raise ValueError(f"a histogram has {_BUCKETS} buckets, not {len(counts)}")
        empty = [0] * (_BUCKETS - len(counts))
        return cls([*map(int, counts), *empty], float(seconds))
