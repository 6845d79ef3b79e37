"""Drain: wait until a stream is done up to an entry, whoever does it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final, Protocol

from streamroute.ops.serve.retry_until_available import until_it_works

_FIRST_LOOK: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class Leaves(Protocol):
    """What a group has still to do of one stream."""

    async def remains(self, upto: str) -> bool:
        """Whether anything up to this id is unread, pending or waiting for a retry.

        Raises RedisUnavailableError while that cannot be known.
        """
        ...


async def wait_until_done(backlogs: Mapping[str, Leaves], marks: Mapping[str, str]) -> None:
    """Return when no stream has anything left up to its mark (an entry's id).

    The entries of a worker that died are waited for until they were claimed and done; what arrives
    after the marks is left alone.
    """
    await asyncio.gather(*(_done(stream, backlogs[stream], mark) for stream, mark in marks.items()))


async def _done(stream: str, backlog: Leaves, mark: str) -> None:
    pause = _FIRST_LOOK
    while await until_it_works(partial(backlog.remains, mark), f"looking at what is left of {stream}"):
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
