"""Restores the names of parked messages: they are stored apart from the entries, and may be deleted."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.keys import PauseKeys

_STEP: Final = 500  # entries that one script looks at


class LostNames:
    """Finds parked entries of one group without a name, in steps, and names them again."""

    def __init__(self, keys: PauseKeys) -> None:
        self._keys = keys
        self._cursor = "0"

    async def restore(self, client: Redis) -> int:
        """Do one step; returns how many names were restored. Raises what redis-py raises.

        Source: https://redis.io/docs/latest/commands/hscan/
        """
        keys = [self._keys.parked, self._keys.parked_entries]
        cursor, restored = await script("pauses/restore_names").run(client, keys, [self._cursor, _STEP])
        self._cursor = text(cursor)
        return int(restored)
