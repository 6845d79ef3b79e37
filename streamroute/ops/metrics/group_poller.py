"""GroupPoller: fetch the stats of the consumer groups every few seconds, and keep the latest."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from streamroute.errors import StreamrouteError

if TYPE_CHECKING:
    from streamroute.adapters.groups.stats import GroupStats
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import StreamConfig

log = logging.getLogger(__name__)

_POLL_INTERVAL: Final = 5.0  # seconds
_STALE: Final = 15.0  # seconds after which the stats are outdated

FetchStats = Callable[[], Awaitable["GroupStats"]]


class GroupPoller:
    """Fetches the group stats of each stream while ``run`` runs; may be read from any thread.

    ``fetchers`` returns the current streams, each with the function that fetches its stats.

    While Redis is unreachable there are no stats. That is logged by the consumers, not here.
    """

    def __init__(
        self,
        fetchers: Callable[[], Mapping[str, FetchStats]],
        *,
        every: float = _POLL_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetchers = fetchers
        self._every = every
        self._clock = clock
        self._stats: Mapping[str, GroupStats] = {}
        self._answered_at: float | None = None
        self._denied = ""

    @property
    def is_up(self) -> bool:
        """Whether the last poll succeeded, and recently."""
        answered = self._answered_at
        return answered is not None and self._clock() - answered < _STALE

    @property
    def stats(self) -> Mapping[str, GroupStats]:
        """The latest stats by stream; empty if there are none or they are outdated."""
        return self._stats if self.is_up else {}

    async def run(self) -> None:
        """Poll every few seconds until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(self._every)

    async def poll(self) -> None:
        """Fetch the stats of every group once."""
        try:
            stats = {stream: await fetch() for stream, fetch in self._fetchers().items()}
        except StreamrouteError as error:
            self._answered_at = None
            log.debug("could not read the statistics of the groups: %s", error)
            return
        self._stats, self._answered_at = stats, self._clock()
        self._warn_of_denied_commands()

    def _warn_of_denied_commands(self) -> None:
        denied = next((group.denied for group in self._stats.values() if group.denied), "")
        if denied != self._denied and denied:
            log.warning("some metrics are missing; Redis denies this user: %s", denied)
        self._denied = denied


def poller_of(streams: Callable[[], Iterable[StreamConfig]], redis: RedisConnection) -> GroupPoller:
    """Return a poller for the statistics of the groups of the streams that there are at each poll."""
    from streamroute.adapters.groups.stats import GroupStatsReader
    from streamroute.keys import GroupKeys

    @cache
    def fetcher(stream: str, group: str, dead_letter: str) -> Any:
        return GroupStatsReader(redis, GroupKeys.of(stream, group, dead_letter), group).fetch

    return GroupPoller(
        lambda: {stream.name: fetcher(stream.name, stream.group, stream.dead_letter) for stream in streams()}
    )
