"""The newest messages of streams that match, for the beginning of a tail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from streamroute.adapters.entries.entry_ids import parse_id
from streamroute.adapters.groups.newest_entries import NewestEntries
from streamroute.adapters.redis.replies import text

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.tail.records import MessageView
    from streamroute.ops.tail.viewer import Viewer

MAX_SCANNED: Final = 10_000
"""Entries of each stream among which the newest matching ones are looked for."""


async def newest_messages(
    redis: RedisConnection, ends: Mapping[str, str], count: int, viewer: Viewer
) -> list[MessageView]:
    """Return the ``count`` newest matching messages of all streams together, oldest first.

    ``ends`` are the last ids to return, by stream. Raises RedisUnavailableError, or SetupError if Redis
    refuses.
    """
    found = [message for stream in ends for message in await _newest_of(redis, stream, ends, count, viewer)]
    found.sort(key=lambda message: parse_id(message.id))
    return found[-count:]


async def _newest_of(
    redis: RedisConnection, stream: str, ends: Mapping[str, str], count: int, viewer: Viewer
) -> list[MessageView]:
    found: list[MessageView] = []
    end = parse_id(ends[stream])
    async for page in NewestEntries(redis, stream, MAX_SCANNED).pages():
        for raw_id, parts in page:
            entry_id = text(raw_id)
            if parts and parse_id(entry_id) <= end:
                message = viewer.view(stream, entry_id, parts)
                if message is not None:
                    found.append(message)
                    if len(found) == count:
                        return found
    return found
