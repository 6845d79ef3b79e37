"""Follows streams: yields the matching messages as they are added, over outages of Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from streamroute.adapters.live.live_entries import LiveEntries, LiveStep
from streamroute.errors import RedisUnavailableError
from streamroute.ops.tail.history import newest_messages
from streamroute.ops.tail.records import TailItem, TailNotice, TailRecord
from streamroute.outages import Backoff

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.tail.query import TailQuery
    from streamroute.ops.tail.viewer import Viewer

POLL: Final = 0.1  # seconds between two steps
_NEXT_PAGE: Final = 0.01  # seconds before the next page of a stream with further entries
_REST: Final = 3
"""Seconds of rest for each second of work: a tail shares its machine, and Redis, with those who work."""
_REST_IN_HISTORY: Final = 1  # for a tail that ends with the earlier messages
_BACKOFF: Final = Backoff(first=0.2, longest=2.0)


async def tail(redis: RedisConnection, query: TailQuery, viewer: Viewer) -> AsyncGenerator[TailItem, None]:
    """Yield the messages of a query, oldest first; ends only if the query does not follow.

    Raises RedisUnavailableError or SetupError if the streams cannot be read at the start. Later, an outage of
    Redis is a notice, and reading continues where it stopped.
    """
    start = query.start or None
    entries = LiveEntries(redis, dict.fromkeys(query.streams, start))
    ends = await entries.start()
    if query.last and start is None:
        for message in await newest_messages(redis, ends, query.last, viewer):
            yield TailRecord(message)
        for notice in _filter_notices(viewer):
            yield notice
    steps, rest = _Steps(entries), _REST if query.follows else _REST_IN_HISTORY
    while True:
        started = time.monotonic()
        step = await steps.next()
        for sentence in step.notices:
            yield TailNotice(sentence)
        for entry in step.entries:
            view = viewer.view(*entry)
            if view is not None:
                yield TailRecord(view)
        for notice in _filter_notices(viewer):
            yield notice
        if not (query.follows or step.is_behind or steps.is_away):
            return
        await asyncio.sleep(max(steps.pause, rest * (time.monotonic() - started)))


def _filter_notices(viewer: Viewer) -> list[TailNotice]:
    """Return the first failure of the filter, once: without it, an empty tail would not explain itself."""
    reason, viewer.failures.unsaid = viewer.failures.unsaid, ""
    return [TailNotice(f"messages on which the filter fails are not shown: {reason}")] if reason else []


class _Steps:
    """The steps of reading; one that fails because Redis is away is a notice, and is repeated."""

    def __init__(self, entries: LiveEntries) -> None:
        self._entries = entries
        self._failures = 0
        self.pause = POLL

    @property
    def is_away(self) -> bool:
        """Whether Redis was away in the last step."""
        return self._failures > 0

    async def next(self) -> LiveStep:
        """Read on; the caller sleeps ``pause`` seconds before the next call."""
        try:
            step = await self._entries.step()
        except RedisUnavailableError as error:
            self._failures += 1
            self.pause = _BACKOFF.wait(self._failures)
            return LiveStep(notices=(f"{error}; trying again",) if self._failures == 1 else ())
        self.pause = _NEXT_PAGE if step.is_behind else POLL
        if self._failures:
            self._failures = 0
            return LiveStep(step.entries, ("Redis answers again", *step.notices), step.is_behind)
        return step
