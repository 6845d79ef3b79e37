"""Promotes retries: moves those that are due from the delayed ones to the group's retry stream."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.deleted_entries import SCHEDULED, report_deleted
from streamroute.adapters.stream.due_times import DueTimes
from streamroute.incidents import Incident, Incidents
from streamroute.keys import GroupKeys

_MAX_RETRIES: Final = 100  # retries that one script promotes
_MAX_BYTES: Final = 16 * 1024 * 1024  # of retries that one script promotes, unless a single one is larger


class RetryPromoter:
    """Promotes the due retries of groups, and reports those that were deleted or had no due time."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._due_times = DueTimes()

    async def promote(self, client: Redis, keys: GroupKeys) -> float | None:
        """Do one step; returns the seconds until the next retry is due, or None. Raises what redis-py raises.

        Source: https://redis.io/docs/latest/commands/zrangebyscore/
        """
        async with explain_wrong_types(client, keys):
            remaining, deleted, undue = await script("retries/promote_due").run(
                client, [keys.due, keys.delayed, keys.retry], [_MAX_RETRIES, _MAX_BYTES]
            )
        if undue:
            await self._restore_due_times(client, keys)
            remaining = 0  # there may be more
        report_deleted(self._incidents, keys.stream, keys.stream, deleted, SCHEDULED)
        return None if remaining < 0 else remaining / 1000

    async def _restore_due_times(self, client: Redis, keys: GroupKeys) -> None:
        restored = await self._due_times.restore(client, keys.due, keys.delayed)
        if restored:
            template = "restored %d retries of %s without a due time; they run now"
            facts = (restored, keys.stream)
            self._incidents.report(Incident.RESTORED, keys.stream, template, *facts, count=restored)
