"""Read the status of a configuration's streams from Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamroute.adapters.overview.reader import GroupName, OverviewReader
from streamroute.keys import GroupKeys
from streamroute.ops.status.stream_status import Status, stream_status

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import StreamConfig


class StatusQuery:
    """Reads the status of streams; may be used repeatedly."""

    def __init__(self, redis: RedisConnection, streams: Sequence[StreamConfig]) -> None:
        self._reader = OverviewReader(redis)
        self._streams = streams
        self._groups = [
            GroupName(GroupKeys.of(stream.name, stream.group, stream.dead_letter), stream.group)
            for stream in streams
        ]

    async def read(self) -> Status:
        """Return the status now; raises RedisUnavailableError if Redis cannot be reached."""
        overviews = await self._reader.read(self._groups)
        streams = []
        for stream, overview in zip(self._streams, overviews, strict=True):
            streams.append(stream_status(stream.name, stream.group, stream.dead_letter, overview))
            await asyncio.sleep(0)  # thousands of routes take a second: others run in between
        return Status(max((overview.time for overview in overviews), default=0), streams)
