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


class DelayedEvents:
    """Adds the due events of one stream, whichever group its worker belongs to.

    A worker without access to their keys leaves them to others, and says so once.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._reinjector = Reinjector()
        self._next_look = 0.0
        self._due: float | None = None
        self._is_denied = False

    async def add_due(self, client: Redis) -> float | None:
        """Look for due events if it is time to; return the seconds until the next is due, or None.

        Raises what redis-py raises.
        """
        now = monotonic()
        if now >= self._next_look:
            wait = await self._step(client)
            self._due = None if wait is None else now + wait
            self._next_look = now + _LOOK_EVERY if self._due is None else min(self._due, now + _LOOK_EVERY)
        return None if self._due is None else max(0.0, self._due - now)

    async def _step(self, client: Redis) -> float | None:
        try:
            return await self._reinjector.step(client, self._stream)
        except NoPermissionError:
            self._report_denied()
            return None

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
