"""Drain: wait until the group has finished a stream up to an entry."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from streamroute.ops.serve.retry_until_available import retry_until_available


class SupportsBacklog(Protocol):
    """The unfinished entries of a group in one stream."""

    async def remains(self, last_id: str) -> bool:
        """Whether any entry up to this id is unread, pending or waiting for a retry.

        Raises RedisUnavailableError while Redis is unreachable.
        """
        ...


async def wait_until_done(
    backlogs: Mapping[str, SupportsBacklog],
    last_ids: Mapping[str, str],
    *,
    first_pause: float = 0.02,
    longest_pause: float = 0.5,
) -> None:
    """Return when no stream has unfinished entries up to its mark (an entry id).

    This includes entries of dead workers, which have to be claimed and finished first; entries after the
    marks are ignored. The pauses between checks grow from the first to the longest, in seconds.
    """

    async def done(stream: str, last_id: str) -> None:
        pause, remains = first_pause, partial(backlogs[stream].remains, last_id)
        while await retry_until_available(remains, f"checking the backlog of {stream}"):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest_pause)

    await asyncio.gather(*(done(stream, last_id) for stream, last_id in last_ids.items()))
