"""A stream of dead letters, and the configured streams that share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streamroute.adapters.dead_letters.letters import DeadLetters, StoredDeadLetter
from streamroute.keys import GroupKeys
from streamroute.ops.dead_letters.letter import StreamLetter
from streamroute.payload_redaction import PayloadRedactor

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document, StreamConfig


@dataclass(frozen=True, slots=True)
class LetterOwner:
    """A configured stream whose dead letters are in a box.

    ``current_names`` are those of its routes, by their former names.
    """

    config: StreamConfig
    current_names: Mapping[str, str]

    @property
    def keys(self) -> GroupKeys:
        """The keys of its consumer group."""
        return GroupKeys.of(self.config.name, self.config.group, self.config.dead_letter)

    def owns(self, record: DeadRecord) -> bool:
        """Whether a letter is the stream's, under its group's current or former name."""
        group = (self.config.group, self.config.formerly_group)
        return self.config.name == record.stream and record.group in group

    def current(self, record: DeadRecord) -> DeadRecord:
        """Return the record with the current names of its routes and group."""
        names = self.current_names
        return replace(
            record,
            group=self.config.group,
            route=record.route and names.get(record.route, record.route),
            routes=[names.get(name, name) for name in record.routes],
        )


@dataclass(frozen=True, slots=True)
class LetterBox:
    """A stream of dead letters, with its owners; ``redactor`` hides what people must not read."""

    letters: DeadLetters
    owners: list[LetterOwner]
    redactor: PayloadRedactor

    def owners_of(self, stored: StoredDeadLetter) -> list[LetterOwner]:
        """Return the streams that a letter belongs to; the first, if it cannot be read; none if another
        configuration's.
        """
        record = stored.record
        return self.owners[:1] if record is None else [owner for owner in self.owners if owner.owns(record)]

    def letters_of(self, stored: StoredDeadLetter) -> list[StreamLetter]:
        """Return the dead letter once for each stream that it belongs to."""
        record = stored.record
        return [
            StreamLetter(
                *(self.letters, stored, owner.config.name, record and owner.current(record)), self.redactor
            )
            for owner in self.owners_of(stored)
        ]


def letter_boxes(redis: RedisConnection, document: Document) -> list[LetterBox]:
    """Return the streams of dead letters of a configuration."""
    boxes: dict[str, LetterBox] = {}
    redactor = PayloadRedactor(document.redact)
    for stream in document.streams.values():
        letters = DeadLetters(redis, stream.dead_letter)
        box = boxes.setdefault(stream.dead_letter, LetterBox(letters, [], redactor))
        box.owners.append(LetterOwner(stream, _current_route_names(document, stream.name)))
    return list(boxes.values())


def _current_route_names(document: Document, stream: str) -> dict[str, str]:
    """Return the current names of the stream's routes by their former names."""
    routes = (route for route in document.routes if stream in route.streams)
    return {old: route.name for route in routes for old in route.formerly}
