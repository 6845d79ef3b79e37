"""Restores due times: they are stored separately from the retries, and may be deleted or evicted."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script

_STEP: Final = 500  # entries that one script looks at


class DueTimes:
    """Finds entries without a due time, in steps, and makes them due now."""

    def __init__(self) -> None:
        self._cursors: dict[str, str] = {}

    async def restore(self, client: Redis, due: str, delayed: str) -> int:
        """Do one step; returns how many due times were restored. Raises what redis-py raises.

        Source: https://redis.io/docs/latest/commands/hscan/
        """
        cursor = self._cursors.get(delayed, "0")
        cursor, restored = await script("retries/restore_due_times").run(
            client, [due, delayed], [cursor, _STEP]
        )
        self._cursors[delayed] = text(cursor)
        return len(restored)
