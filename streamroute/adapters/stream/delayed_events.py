"""A worker adds the delayed events of its stream: those that were published with a delay."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from streamroute.adapters.stream.reinjector import Reinjector
from streamroute.keys import ReinjectKeys
from streamroute.logs.coalescing import NEVER_COALESCED

log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 5.0  # seconds between two looks, unless an event is due sooner
_LOOK_OFTEN: Final = 1.0  # the same while the stream has delayed events
_LOOK_OFTEN_FOR: Final = 600.0  # seconds since the last one


class DelayedEvents:
    """Adds the due events of one stream, whichever group its worker belongs to.

    Other processes publish them, so that they must be looked for: seldom, and often where there are some. A
    worker without access to their keys leaves them to others, and says so once.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._reinjector = Reinjector()
        self._next_look = 0.0
        self._used_until = 0.0
        self._is_denied = False

    async def add_due(self, client: Redis) -> float | None:
        """Look for due events if it is time to; return the seconds until the next look, None if it can wait.

        Raises what redis-py raises.
        """
        now = monotonic()
        if now >= self._next_look:
            self._next_look = now + await self._look(client, now)
        return max(0.0, self._next_look - now) if now < self._used_until else None

    async def _look(self, client: Redis, now: float) -> float:
        """Add due events; return the seconds until the next look."""
        try:
            added, wait = await self._reinjector.step(client, self._stream)
        except NoPermissionError:
            self._report_denied()
            return _LOOK_EVERY
        if added or wait is not None:
            self._used_until = now + _LOOK_OFTEN_FOR
        pause = _LOOK_OFTEN if now < self._used_until else _LOOK_EVERY
        return pause if wait is None else min(wait, pause)

    def _report_denied(self) -> None:
        if self._is_denied:
            return
        self._is_denied = True
        log.warning(
            "events that are published to %s with a delay are not added by this worker; "
            "for that, add to its ACL: ~%s*",
            self._stream,
            ReinjectKeys.of(self._stream).delayed,
            extra=NEVER_COALESCED,
        )
