"""Reads a page of dead letters, within a budget."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamroute.ops.dead_letters.filter import DeadLetterFilter
from streamroute.ops.dead_letters.query import DeadLetterQuery

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.letter import StreamLetter

PAGE_SIZE: Final = 50
GONE: Final = "the dead letter is gone: somebody retried, dropped or edited it meanwhile"
_MAX_SCANNED: Final = 20_000
_LONGEST: Final = 5.0  # seconds for one page


@dataclass(slots=True)
class LetterPage:
    """Letters as people may see them, oldest first, and after which id the next page begins.

    ``next`` is empty at the end. ``scanned`` letters were read.
    """

    letters: list[StreamLetter] = field(default_factory=list)
    next: str = ""
    scanned: int = 0


async def letters_after(
    redis: RedisConnection, document: Document, stream: str, after: str, criteria: DeadLetterFilter
) -> LetterPage:
    """Return the next matching letters of a stream after an id (``0-0``: from the first one).

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    page, ends_at = LetterPage(), time.monotonic() + _LONGEST
    key = document.streams[stream].dead_letter
    box = next(box for box in DeadLetterQuery(redis, document).boxes if box.letters.key == key)
    async for stored_letters in box.letters.pages_after(after):
        for stored in stored_letters:
            if len(page.letters) >= PAGE_SIZE or page.scanned >= _MAX_SCANNED:
                return page
            if page.scanned and time.monotonic() > ends_at:
                return page  # large letters, or an expensive filter: the next page goes on here
            found = [letter for letter in box.letters_of(stored) if letter.stream == stream]
            page.letters += [letter.shown for letter in found if criteria.matches(letter)]
            page.scanned += 1
            page.next = stored.id
    page.next = ""
    return page


async def find_letter(
    redis: RedisConnection, document: Document, stream: str, letter_id: str
) -> StreamLetter | None:
    """Return the dead letter of a stream with this id, with all its values; None if there is none."""
    key = document.streams[stream].dead_letter
    box = next(box for box in DeadLetterQuery(redis, document).boxes if box.letters.key == key)
    stored = await box.letters.find(letter_id)
    letters = [] if stored is None else box.letters_of(stored)
    return next((letter for letter in letters if letter.stream == stream), None)


async def letters_of_message(
    redis: RedisConnection, document: Document, stream: str, message_id: str
) -> list[StreamLetter]:
    """Return the readable dead letters of a message, as people may see them.

    They were written after the message was; at most 20,000 letters are read to find them. Raises what
    ``letters_after`` raises.
    """
    page = await letters_after(
        redis, document, stream, f"{message_id.partition('-')[0]}-0", DeadLetterFilter(message_id=message_id)
    )
    return [letter for letter in page.letters if letter.record is not None]
