"""Finds an entry in Redis by its id: in a stream, or among the stream's dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.adapters.groups.entry_lookup import read_entry
from streamroute.errors import StreamrouteError
from streamroute.ops.dead_letters.filter import DeadLetterFilter
from streamroute.ops.dead_letters.query import DeadLetterQuery

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.letter import StreamLetter


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An entry of a stream, by its fields; ``letter`` is the dead letter that keeps it, if one does.

    ``letter`` shows nothing that the configuration hides; ``fields`` are the entry's own.
    """

    stream: str
    id: str
    fields: Mapping[bytes, bytes]
    letter: DeadRecord | None = None


async def find_event(redis: RedisConnection, document: Document, stream: str, entry_id: str) -> StoredEvent:
    """Return the entry of a configured stream with this id, else the stream's dead letter with this id.

    Raises StreamrouteError if there is neither, or the dead letter cannot be read, RedisUnavailableError if
    Redis cannot be reached, and SetupError if it refuses.
    """
    fields = await read_entry(redis, stream, entry_id)
    if fields is not None:
        return StoredEvent(stream, entry_id, fields)
    async for page in DeadLetterQuery(redis, document).find(DeadLetterFilter(ids=(entry_id,))):
        for letter in page.letters:
            if letter.stream == stream:
                return _dead_event(stream, entry_id, letter)
    raise StreamrouteError(f'"{stream}" has no entry {entry_id}, nor a dead letter of this id')


def _dead_event(stream: str, letter_id: str, letter: StreamLetter) -> StoredEvent:
    if letter.record is None:
        raise StreamrouteError(f"{letter_id} is not a dead letter of streamroute, or damaged")
    return StoredEvent(stream, letter_id, letter.record.fields, letter.shown.record)
