"""Reads the newest entries of a stream, without a group: nothing is written, claimed or acknowledged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import Row, text

_FIRST_PAGE: Final = 50  # entries
_PAGE: Final = 2_000
_REPLY_BYTES: Final = 8 * 1024 * 1024


class NewestEntries:
    """The newest entries of one stream, up to ``limit``.

    A reply holds about ``reply_bytes``, unless a single entry is larger. The methods raise
    RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(
        self, redis: RedisConnection, stream: str, limit: int, *, reply_bytes: int = _REPLY_BYTES
    ) -> None:
        self._redis = redis
        self._stream = stream
        self._limit = limit
        self._reply_bytes = reply_bytes
        self._client = raw_client(redis.client, stream)

    async def count(self) -> int:
        """Return how many entries there are to read now."""
        with translate_errors(self._redis, f"reading {self._stream}"):
            return min(self._limit, int(await send_command(self._client, "XLEN", self._stream)))

    async def pages(self) -> AsyncIterator[Sequence[Row]]:
        """Yield the entries, newest first; those that are added meanwhile are not read.

        Source: https://redis.io/docs/latest/commands/xrevrange/
        """
        end, left, count = "+", self._limit, _FIRST_PAGE
        while left > 0 and (rows := await self._rows(end, min(count, left))):
            yield rows
            left -= len(rows)
            end = f"({text(rows[-1][0])}"
            count = self._next_count(rows)

    async def _rows(self, end: str, count: int) -> Sequence[Row]:
        with translate_errors(self._redis, f"reading {self._stream}"):
            rows: Sequence[Row] = await send_command(
                self._client, "XREVRANGE", self._stream, end, "-", "COUNT", count
            )
        return rows

    def _next_count(self, rows: Sequence[Row]) -> int:
        """Return the size of the next page: up to four times as many entries, if they fit into a reply."""
        size = sum(len(part) for _, parts in rows for part in parts) or 1
        return max(1, min(4 * len(rows), _PAGE, len(rows) * self._reply_bytes // size))
