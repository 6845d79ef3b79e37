"""Drain: wait until a stream is done up to an entry, whoever does it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from streamroute.ops.serve.retry_until_available import retry_until_available


class SupportsBacklog(Protocol):
    """What a group has still to do of one stream."""

    async def remains(self, upto: str) -> bool:
        """Whether anything up to this id is unread, pending or waiting for a retry.

        Raises RedisUnavailableError while that cannot be known.
        """
        ...


async def wait_until_done(
    backlogs: Mapping[str, SupportsBacklog],
    marks: Mapping[str, str],
    *,
    first_pause: float = 0.02,
    longest_pause: float = 0.5,
) -> None:
    """Return when no stream has anything left up to its mark (an entry's id).

    The entries of a worker that died are waited for until they were claimed and done; what arrives after the
    marks is left alone. The pauses between two looks grow from the first to the longest, in seconds.
    """

    async def done(stream: str, mark: str) -> None:
        pause, remains = first_pause, partial(backlogs[stream].remains, mark)
        while await retry_until_available(remains, f"looking at what is left of {stream}"):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest_pause)

    await asyncio.gather(*(done(stream, mark) for stream, mark in marks.items()))
