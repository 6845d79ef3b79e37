"""Which routes still wait for their parked messages, in a stream that keeps its order.

New messages of such a route are parked behind the others, so that none overtakes. With steady traffic they
would return for ever: so at the end no new entries of the stream are read until all have run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

log = logging.getLogger(__name__)

_NEARLY_DONE: Final = 200  # parked messages up to which no new entries are read
_LONG: Final = 60.0  # seconds of returning after which no new entries are read either
_SETTLING: Final = 1.0  # seconds in which a message that was parked last is in Redis
_LONGEST: Final = 30.0  # seconds without new entries; then the order is given up


class ReturningRoutes:
    """The routes of one consumer whose parked messages return."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._routes: frozenset[str] = frozenset()
        self._since = 0.0
        self._closed_at: float | None = None

    def update(self, parked: Mapping[str, int], parked_at: float) -> tuple[frozenset[str], bool]:
        """Return the routes that wait, and whether new entries may be read.

        ``parked`` are the routes that are not paused, with their numbers of messages; ``parked_at`` is
        when this consumer parked a message last.
        """
        now = self._clock()
        if not self._routes and not parked:
            return self._routes, True
        if parked or now - parked_at < _SETTLING:
            self._since = self._since if self._routes else now
            self._routes = frozenset(parked) | (self._routes if now - parked_at < _SETTLING else frozenset())
        else:
            self._routes = frozenset()
        if not self._routes:
            self._closed_at = None
            return self._routes, True
        return self._waiting(now, sum(parked.values()))

    def _waiting(self, now: float, count: int) -> tuple[frozenset[str], bool]:
        if count > _NEARLY_DONE and now - self._since < _LONG:
            return self._routes, True
        if self._closed_at is None:
            self._closed_at = now
        if now - self._closed_at < _LONGEST:
            return self._routes, False
        log.warning(
            "parked messages of %s have not run within %g s: new ones may overtake them",
            *(", ".join(sorted(self._routes)), _LONGEST),
        )
        self._routes, self._closed_at = frozenset(), None
        return self._routes, True
