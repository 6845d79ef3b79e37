"""Find the retries of a configuration that wait."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.retries.scheduled import ScheduledRetries, ScheduledRetry
from streamroute.keys import GroupKeys
from streamroute.ops.retries.waiting_retry import WaitingRetry, waiting_retry
from streamroute.payload_redaction import HIDES_NOTHING, PayloadRedactor

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import StreamConfig

_SHOWN_BYTES: Final = 1024 * 1024  # of a record that is read to show its error


@dataclass(frozen=True, slots=True)
class RetrySelection:
    """Which retries: with one of these original ids, and of one of these routes; empty: any."""

    ids: Collection[str] = ()
    routes: Collection[str] = ()

    @property
    def is_everything(self) -> bool:
        """Whether it selects all retries."""
        return not self.ids and not self.routes

    def accepts(self, retry: ScheduledRetry) -> bool:
        """Whether a retry is selected; one without a route runs in all that match, and has none here."""
        name = retry.name
        has_route = not self.routes or not set(self.routes).isdisjoint(name.routes)
        return has_route and (not self.ids or name.id in self.ids)


@dataclass(frozen=True, slots=True)
class StreamRetries:
    """The selected retries of one stream, those due first at the beginning."""

    config: StreamConfig
    retries: ScheduledRetries
    selected: Sequence[ScheduledRetry]


@dataclass(frozen=True, slots=True)
class RetryListing:
    """How many retries wait (``total``), and those that are due first; ``now`` is Redis time in ms.

    ``parked`` messages of all routes wait for the end of a pause; they are not among the retries.
    """

    now: int
    total: int
    first: Sequence[WaitingRetry]
    parked: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        retries = [retry.as_dict(self.now) for retry in self.first]
        return {"total": self.total, "retries": retries, "parked": self.parked}


class RetryQuery:
    """Finds the retries of some streams; raises RedisUnavailableError, and SetupError if Redis refuses."""

    def __init__(
        self,
        redis: RedisConnection,
        streams: Sequence[StreamConfig],
        redactor: PayloadRedactor = HIDES_NOTHING,
    ) -> None:
        self._redactor = redactor
        self._streams = [
            (stream, ScheduledRetries(redis, GroupKeys.of(stream.name, stream.group, stream.dead_letter)))
            for stream in streams
        ]

    async def select(self, selection: RetrySelection) -> list[StreamRetries]:
        """Return the selected retries of each stream that has some."""
        found = []
        for config, retries in self._streams:
            selected = [retry for retry in await retries.all() if selection.accepts(retry)]
            if selected:
                found.append(StreamRetries(config, retries, selected))
        return found

    async def listing(self, selection: RetrySelection, limit: int) -> RetryListing:
        """Return the selected retries that are due first, at most ``limit`` (0: all), with their failures."""
        now = total = parked = 0
        first: list[tuple[int, str, ScheduledRetry]] = []
        for config, retries in self._streams:
            now = max(now, await retries.now())
            parked += await retries.parked()
            count, some = await _first_of(retries, selection, limit)
            total += count
            first += [(retry.due, config.name, retry) for retry in some]
        chosen = sorted(first) if not limit else heapq.nsmallest(limit, first, key=lambda each: each[:2])
        return RetryListing(now, total, await self._with_failures([each[1:] for each in chosen]), parked)

    async def _with_failures(self, chosen: Sequence[tuple[str, ScheduledRetry]]) -> list[WaitingRetry]:
        records = {}
        for config, retries in self._streams:
            here = [retry for stream, retry in chosen if stream == config.name]
            records[config.name] = await retries.records(here, _SHOWN_BYTES) if here else {}
        return [
            waiting_retry(stream, retry, records[stream].get(retry.key), self._redactor)
            for stream, retry in chosen
        ]


async def _first_of(
    retries: ScheduledRetries, selection: RetrySelection, limit: int
) -> tuple[int, Sequence[ScheduledRetry]]:
    """Return how many retries are selected, and the first of them."""
    if selection.is_everything and limit:
        return await retries.count(), await retries.next_ones(limit)
    selected = [retry for retry in await retries.all() if selection.accepts(retry)]
    return len(selected), selected[:limit] if limit else selected
