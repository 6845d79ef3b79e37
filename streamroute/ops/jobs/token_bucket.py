"""A token bucket: at most so many items a second, with short bursts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_BURST: Final = 0.5  # seconds' worth of items that may come at once


class TokenBucket:
    """Grants at most ``rate`` items a second (None: any number), by a monotonic clock in seconds."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = 1.0
        self._at = clock()

    def available(self, most: int) -> int:
        """Return how many items may come now, at most ``most``."""
        if self._rate is None:
            return most
        now = self._clock()
        grown = self._tokens + max(0.0, now - self._at) * self._rate
        self._tokens, self._at = min(grown, max(1.0, self._rate * _BURST)), now
        return min(most, int(self._tokens))

    def take(self, items: int) -> None:
        """Record that items came."""
        self._tokens -= items

    @property
    def wait(self) -> float:
        """Seconds until the next item may come."""
        if self._rate is None:
            return 0.0
        return max(0.0, (1.0 - self._tokens) / self._rate)
