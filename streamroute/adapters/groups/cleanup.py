"""Tidying: what nobody needs any more is taken away, in small steps."""

from __future__ import annotations

import logging
import time
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.keys import GroupKeys

log = logging.getLogger(__name__)

_STEP: Final = 10_000  # entries that one script looks at: a millisecond or so
_PAUSE: Final = 0.05  # seconds between steps while there is more
_REST: Final = 5.0  # seconds between rounds
_BURY_EVERY: Final = 60.0


class Tidier:
    """Trims streams, and deletes consumers that are gone; ``trimmed`` counts the entries that went.

    ``keep`` is the seconds for which entries stay that every group has finished with (None: for ever),
    ``forget`` the seconds of silence after which a consumer that holds nothing is deleted, and for which the
    names of routes and types are kept that no worker has.
    """

    def __init__(self, keep: float | None, forget: float, released: str) -> None:
        self.trimmed = 0
        self._keep = keep
        self._forget = forget
        self._released = released
        self._next_burial: dict[tuple[str, str], float] = {}

    async def clean_up(self, client: Redis, keys: GroupKeys, group: str, consumer: str) -> float:
        """Do one step; returns the seconds until the next. Raises what redis-py raises."""
        if time.monotonic() >= self._next_burial.get((keys.stream, group), 0.0):
            for key in (keys.stream, keys.retry):
                await self._bury(client, key, group, consumer)
            await script("forget_routes").run(client, [keys.workers, keys.routes], [int(self._forget * 1000)])
            self._next_burial[keys.stream, group] = time.monotonic() + _BURY_EVERY
        return _BURY_EVERY if self._keep is None else await self._trim(client, keys.stream, self._keep)

    async def _bury(self, client: Redis, key: str, group: str, consumer: str) -> None:
        arguments: list[str | int] = [group, consumer, self._released, int(self._forget * 1000)]
        gone = await script("bury").run(client, [key], arguments)
        if gone:
            log.info("%d consumers of %s that were gone are deleted", len(gone), key)

    async def _trim(self, client: Redis, stream: str, keep: float) -> float:
        went, low = await script("trim").run(client, [stream], [int(keep * 1000), _STEP])
        self.trimmed += went
        if went:
            log.debug("%d entries of %s below %s were trimmed", went, stream, text(low))
        return _PAUSE if went else _REST
