"""Cleanup: trims streams, and deletes dead consumers and unused route lists, in small steps."""

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
_STEP_PAUSE: Final = 0.05  # seconds between steps while there is more
_IDLE: Final = 5.0  # seconds between rounds
_REMOVE_EVERY: Final = 60.0


class StreamCleaner:
    """Trims streams and deletes dead consumers; ``trimmed`` counts the entries trimmed so far.

    ``retention``
        seconds to keep an entry after every group has finished with it (None: forever). It may be set at any
        time; a stream that was kept forever is trimmed a minute later at the latest.
    ``consumer_timeout``
        idle seconds after which a consumer without pending entries is deleted. Unused names of routes and
        types are kept for the same time.
    """

    def __init__(self, retention: float | None, consumer_timeout: float, released: str) -> None:
        self.trimmed = 0
        self.retention = retention
        self._consumer_timeout = consumer_timeout
        self._released = released
        self._next_removal: dict[tuple[str, str], float] = {}

    async def clean_up(self, client: Redis, keys: GroupKeys, group: str, consumer: str) -> float:
        """Do one step; returns the seconds until the next. Raises what redis-py raises."""
        if time.monotonic() >= self._next_removal.get((keys.stream, group), 0.0):
            for key in (keys.stream, keys.retry):
                await self._remove_dead_consumers(client, key, group, consumer)
            timeout = int(self._consumer_timeout * 1000)
            hashes = [keys.workers, keys.routes, keys.generations]
            await script("groups/remove_unused_routes").run(client, hashes, [timeout])
            self._next_removal[keys.stream, group] = time.monotonic() + _REMOVE_EVERY
        if self.retention is None:
            return _REMOVE_EVERY
        return await self._trim(client, keys.stream, self.retention)

    async def _remove_dead_consumers(self, client: Redis, key: str, group: str, consumer: str) -> None:
        arguments: list[str | int] = [group, consumer, self._released, int(self._consumer_timeout * 1000)]
        removed = await script("groups/remove_dead_consumers").run(client, [key], arguments)
        if removed:
            log.info("deleted %d dead consumers of %s", len(removed), key)

    async def _trim(self, client: Redis, stream: str, retention: float) -> float:
        trimmed, low = await script("groups/trim_stream").run(
            client, [stream], [int(retention * 1000), _STEP]
        )
        self.trimmed += trimmed
        if trimmed:
            log.debug("trimmed %d entries of %s below %s", trimmed, stream, text(low))
        return _STEP_PAUSE if trimmed else _IDLE
