"""Backlog: what a group has still to do of a stream, up to an entry."""

from __future__ import annotations

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.keys import GroupKeys


class Backlog:
    """Looks at one group's state without changing it."""

    def __init__(self, redis: RedisConnection, stream: str, group: str) -> None:
        self._redis = redis
        self._client = raw_client(redis.client, stream)
        self._group = group
        self._keys = GroupKeys.of(stream, group)

    async def remains(self, upto: str) -> bool:
        """Whether anything up to this id is unread, pending, or waiting for a retry.

        Raises RedisUnavailableError while Redis cannot be asked, SetupError where it refuses to answer.
        """
        keys = [self._keys.stream, self._keys.retry, self._keys.delayed]
        with translate_errors(self._redis, f"looking at what is left of {self._keys.stream}"):
            return bool(await script("has_backlog").run(self._client, keys, [self._group, upto]))
