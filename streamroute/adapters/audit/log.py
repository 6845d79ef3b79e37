"""Appends to the audit stream of a consumer group, and reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamroute.adapters.audit.record import AuditRecord
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import Row, text

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

_LENGTH: Final = 10_000  # entries that the stream keeps, roughly
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class StoredAudit:
    """An entry of the audit stream of ``stream``'s group."""

    id: str
    stream: str
    record: AuditRecord

    @property
    def at(self) -> int:
        """When it was written: Redis time, in ms since the epoch."""
        return int(self.id.partition("-")[0])


class AuditLog:
    """The audit stream of one group; it keeps about the newest 10,000 actions.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, keys: GroupKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._client = raw_client(redis.client, keys.audit)

    async def append(self, record: AuditRecord) -> None:
        """Write one record.

        Source: https://redis.io/docs/latest/commands/xadd/
        """
        with translate_errors(self._redis, f"writing {self._keys.audit}"):
            bound = ("MAXLEN", "~", _LENGTH)
            await send_command(self._client, "XADD", self._keys.audit, *bound, "*", *record.write())

    async def newest(self, limit: int) -> list[StoredAudit]:
        """Return at most ``limit`` records, newest first.

        Source: https://redis.io/docs/latest/commands/xrevrange/
        """
        found: list[StoredAudit] = []
        end = "+"
        while len(found) < limit:
            count = min(_PAGE, limit - len(found))
            rows = await self._rows(end, count)
            found += [self._stored(row) for row in rows]
            if len(rows) < count:
                break
            end = f"({found[-1].id}"
        return found

    async def _rows(self, end: str, count: int) -> list[Row]:
        with translate_errors(self._redis, f"reading {self._keys.audit}"):
            return list(
                await send_command(self._client, "XREVRANGE", self._keys.audit, end, "-", "COUNT", count)
            )

    def _stored(self, row: Row) -> StoredAudit:
        return StoredAudit(text(row[0]), self._keys.stream, AuditRecord.read(fields_from_reply(row[1])))
