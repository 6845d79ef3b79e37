"""Batch limiter: after a failed call, the next one requests a single entry.

The reply may have been too large to arrive in time, so the same request might never succeed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager


class BatchLimiter:
    """How many entries one call may request: one after a failure, doubled after each success."""

    def __init__(self) -> None:
        self._limit = math.inf

    def limit(self, count: int) -> int:
        """Return ``count``, or less after a failure."""
        return int(min(count, self._limit))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Wrap one call: a failure sets the limit to one entry, a success doubles it."""
        try:
            yield
        except Exception:
            self._limit = 1
            raise
        self._limit *= 2
