"""Adds entries that waited in Redis to their stream, where every group reads them."""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from redis.asyncio import Redis

from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.due_times import DueTimes
from streamroute.keys import ReinjectKeys

log = logging.getLogger(__name__)

_MAX_ENTRIES: Final = 100  # that one script adds
_MAX_BYTES: Final = 16 * 1024 * 1024  # that one script adds, unless a single entry is larger


class Reinjected(NamedTuple):
    """How many entries a step has added, and the seconds until the next one is due (None: none waits)."""

    added: int
    wait: float | None


class Reinjector:
    """Adds due entries to streams, and makes those without a due time due."""

    def __init__(self) -> None:
        self._due_times = DueTimes()

    async def step(self, client: Redis, stream: str) -> Reinjected:
        """Add the due entries, a bounded number of them. Raises what redis-py raises."""
        keys = ReinjectKeys.of(stream)
        names = [keys.due, keys.delayed, keys.stream]
        remaining, undue, added = await script("retries/reinject_due").run(
            client, names, [_MAX_ENTRIES, _MAX_BYTES]
        )
        if undue and (restored := await self._due_times.restore(client, keys.due, keys.delayed)):
            log.warning(
                "restored %d delayed entries of %s without a due time; they are added now", restored, stream
            )
        if undue:
            return Reinjected(added, 0.0)  # there may be more
        return Reinjected(added, None if remaining < 0 else remaining / 1000)
