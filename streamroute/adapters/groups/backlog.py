"""The backlog: the unfinished entries of a group, up to an entry."""

from __future__ import annotations

import logging
from typing import Final

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.keys import GroupKeys, PauseKeys

log = logging.getLogger(__name__)

_ONLY_PAUSED: Final = 2


class Backlog:
    """Checks the backlog of one group, without changes."""

    def __init__(self, redis: RedisConnection, stream: str, group: str) -> None:
        self._redis = redis
        self._client = raw_client(redis.client, stream)
        self._group = group
        self._keys = GroupKeys.of(stream, group)
        self._pauses = PauseKeys.of(self._keys)

    async def remains(self, last_id: str) -> bool:
        """Whether any entry up to this id is unread, pending, or waiting for a retry.

        What is paused may stay so for days: it does not count, and the log says that it is left. Raises
        RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
        """
        keys = [self._keys.stream, self._keys.retry, self._keys.delayed]
        with translate_errors(self._redis, f"checking the backlog of {self._keys.stream}"):
            found = await script("groups/has_backlog").run(
                self._client, keys, [self._group, last_id, self._pauses.paused, self._pauses.parked]
            )
        if found == _ONLY_PAUSED:
            log.warning("what is paused in %s is left: `streamroute paused` shows it", self._keys.stream)
        return bool(found) and found != _ONLY_PAUSED
