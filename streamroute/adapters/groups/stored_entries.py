"""Reads a range of the entries that a stream holds, without a group: nothing is claimed or acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_each
from streamroute.adapters.redis.replies import Row, attributes, milliseconds, text

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection

_FIRST_PAGE: Final = 20  # entries
_PAGE: Final = 500
_REPLY_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamExtent:
    """What a stream holds at ``time`` (Redis time in ms).

    ``first`` and ``last`` are the ids of its oldest and newest entry, empty if it has none; ``delivered`` is
    the id up to which the group has read it, None if the group does not exist. ``has_lost``: whether entries
    were trimmed or deleted; None if the server does not know (before Redis 7).
    """

    time: int
    length: int = 0
    first: str = ""
    last: str = ""
    delivered: str | None = None
    has_lost: bool | None = None


class StoredEntries:
    """The entries of one stream, oldest first, in pages.

    A reply holds about ``reply_bytes``, unless a single entry is larger. The methods raise
    RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, stream: str, *, reply_bytes: int = _REPLY_BYTES) -> None:
        self._redis = redis
        self._stream = stream
        self._reply_bytes = reply_bytes
        self._client = raw_client(redis.client, stream)
        self._count = _FIRST_PAGE

    async def extent(self, group: str) -> StreamExtent:
        """Return what the stream holds, and how far a group has read it.

        Sources: https://redis.io/docs/latest/commands/xinfo-stream/,
        https://redis.io/docs/latest/commands/xinfo-groups/
        """
        clock, known, groups = await self._send(
            ("TIME",), ("XINFO", "STREAM", self._stream), ("XINFO", "GROUPS", self._stream)
        )
        now = milliseconds(clock)
        if known is None:
            return StreamExtent(now)
        facts = attributes(known)
        positions = {
            text(each["name"]): text(each["last-delivered-id"]) for each in map(attributes, groups or ())
        }
        return StreamExtent(
            now,
            int(facts["length"]),
            _id_of(facts.get("first-entry")),
            _id_of(facts.get("last-entry")),
            positions.get(group),
            facts["entries-added"] > facts["length"] if "entries-added" in facts else None,
        )

    async def page(self, start: str, end: str) -> Sequence[Row]:
        """Return the next entries from ``start`` (an id; after a ``(``, without it) to ``end``.

        Source: https://redis.io/docs/latest/commands/xrange/
        """
        (rows,) = await self._send(("XRANGE", self._stream, start, end, "COUNT", str(self._count)))
        found: Sequence[Row] = rows or ()
        if found:
            size = sum(len(part) for _, parts in found for part in parts) or 1
            self._count = max(1, min(2 * len(found), _PAGE, len(found) * self._reply_bytes // size))
        return found

    async def _send(self, *commands: tuple[str, ...]) -> list[Any]:
        """Send commands; the answer is None where the stream does not exist."""
        with translate_errors(self._redis, f"reading {self._stream}"):
            answers = await send_each(self._client, commands)
            for at, answer in enumerate(answers):
                if isinstance(answer, Exception):
                    if "no such key" not in str(answer):
                        raise answer
                    answers[at] = None
        return answers


def _id_of(entry: Any) -> str:
    return text(entry[0]) if entry else ""
