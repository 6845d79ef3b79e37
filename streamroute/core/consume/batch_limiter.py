"""Batch limiter: after a call that failed, the next one asks for a single entry.

A reply may have been too large to arrive in time; the same request would never succeed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager


class BatchLimiter:
    """How many entries one call may ask for: one after a failure, then twice as many after each success."""

    def __init__(self) -> None:
        self._limit = math.inf

    def limit(self, count: int) -> int:
        """Return ``count``, or less while calls recover from a failure."""
        return int(min(count, self._limit))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Wrap one call; its failure sets the limit to one entry, its success doubles it."""
        try:
            yield
        except Exception:
            self._limit = 1
            raise
        self._limit *= 2
