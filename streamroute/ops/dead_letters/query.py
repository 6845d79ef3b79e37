"""Read the dead letters of a configuration, and decide which of them can run again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.adapters.dead_letters.letters import DeadLetters, StoredDeadLetter
from streamroute.ops.dead_letters.letter import UNREADABLE
from streamroute.ops.dead_letters.letter_box import letter_boxes
from streamroute.ops.served_routes import why_not_served

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.filter import DeadLetterFilter
    from streamroute.ops.dead_letters.letter import StreamLetter


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """Matching dead letters, and how many were read to find them."""

    letters: Sequence[StreamLetter]
    scanned: int


class DeadLetterQuery:
    """Finds the dead letters of a configuration."""

    def __init__(self, redis: RedisConnection, document: Document) -> None:
        self._document = document
        self.boxes = letter_boxes(redis, document)

    async def count(self) -> int:
        """Return the number of entries in all dead letter streams."""
        return sum([await box.letters.count() for box in self.boxes])

    async def now(self) -> int:
        """Return Redis time, in ms since the epoch."""
        return await self.boxes[0].letters.now() if self.boxes else 0

    async def find(self, criteria: DeadLetterFilter) -> AsyncIterator[DeadLetterPage]:
        """Yield the matching dead letters, oldest first in each dead letter stream.

        Dead letters written after the call are omitted, since a requeued one may be dead-lettered again.
        """
        for box in self.boxes:
            # Read the time of each: in a cluster, they may be on different servers.
            since, until = criteria.time_range(await box.letters.now())
            async for page in _read(box.letters, criteria, since, until):
                letters = [
                    letter for stored in page if not stored.is_skipped for letter in box.letters_of(stored)
                ]
                yield DeadLetterPage([letter for letter in letters if criteria.matches(letter)], len(page))

    def requeue_refusal(self, letter: StreamLetter, to: str | None = None) -> str | None:
        """Return why a dead letter cannot run again with this configuration; None if it can.

        It runs in the route that failed, or in the route ``to``.
        """
        record = letter.current
        if record is None:
            return letter.reason
        route = record.route if to is None else to
        names = record.routes if route is None else [route]
        refusals = (why_not_served(self._document, name, letter.stream) for name in names)
        return next((refusal for refusal in refusals if refusal is not None), None)


async def _read(
    stream: DeadLetters, criteria: DeadLetterFilter, since: int, until: int
) -> AsyncIterator[list[StoredDeadLetter]]:
    """Yield the dead letters with the filter's ids (or all) that were written in the time range (ms)."""
    if not criteria.ids:
        signatures = () if UNREADABLE in criteria.groups else criteria.groups
        async for page in stream.pages(since=since, until=until, signatures=signatures):
            yield page
        return
    for letter_id in criteria.ids:
        letter = await stream.find(letter_id)
        if letter is not None and since <= letter.at <= until:
            yield [letter]
