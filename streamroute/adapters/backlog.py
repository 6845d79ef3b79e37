"""Backlog: what a group has still to do of a stream, up to an entry."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from streamroute.adapters.records import RetryRecord, paired
from streamroute.adapters.wire import attributes, command, text, unparsed
from streamroute.errors import DecodeError
from streamroute.keys import GroupKeys

log = logging.getLogger(__name__)

_PAGE: Final = 500


class Backlog:
    """Looks at one group's state without changing it."""

    def __init__(self, client: Redis, stream: str, group: str) -> None:
        self._client = unparsed(client)
        self._group = group
        self._keys = GroupKeys.of(stream, group)

    async def is_left(self, upto: str) -> bool:
        """Whether anything up to this id is unread, pending, or waiting for a retry.

        Found by reading: a group's lag can be unknown, and its last delivered id need not exist any more.
        While Redis cannot be asked, the answer is that something may be left.
        """
        try:
            return await self._unread(upto) or await self._pending(upto) or await self._scheduled(upto)
        except RedisError as error:
            log.debug("the backlog of %s cannot be read: %s", self._keys.stream, error)
            return True

    async def _unread(self, upto: str) -> bool:
        groups = await command(self._client, "XINFO", "GROUPS", self._keys.stream)
        for group in map(attributes, groups):
            if text(group["name"]) == self._group:
                start = f"({text(group['last-delivered-id'])}"
                if _order(text(group["last-delivered-id"])) >= _order(upto):
                    return False
                return bool(await command(self._client, "XRANGE", self._keys.stream, start, upto, "COUNT", 1))
        return True  # the group is not there: nothing has been read by it

    async def _pending(self, upto: str) -> bool:
        return bool(await command(self._client, "XPENDING", self._keys.stream, self._group, "-", upto, 1))

    async def _scheduled(self, upto: str) -> bool:
        limit = _order(upto)
        async for name in self._names():
            if _order(name.partition("|")[0]) <= limit:
                return True
        return False

    async def _names(self) -> AsyncIterator[str]:
        """The names of all retries, which begin with the id of their origin."""
        start = "-"
        while rows := await command(self._client, "XRANGE", self._keys.retry, start, "+", "COUNT", _PAGE):
            for _, fields in rows:
                yield _name(paired(fields))
            start = f"({text(rows[-1][0])}"
        cursor: Any = 0
        while True:
            cursor, pairs = await command(self._client, "HSCAN", self._keys.delayed, cursor, "COUNT", _PAGE)
            for name in paired(pairs):
                yield text(name)
            if int(cursor) == 0:
                return


def _name(fields: dict[bytes, bytes]) -> str:
    try:
        return RetryRecord.unpack(fields.get(b"entry", b"")).name
    except DecodeError:
        return "0-0"  # unreadable: it is on its way to the dead letters, and until then it is left


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
