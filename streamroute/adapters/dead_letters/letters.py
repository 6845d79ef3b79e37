"""Lists, requeues and drops dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.exceptions import ResponseError

from streamroute.adapters.dead_letters.requeued import retry_of
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.entries.record_facts import FACTS
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command, send_each
from streamroute.adapters.redis.replies import Row, attributes, milliseconds, text
from streamroute.adapters.redis.scripts import Call, script
from streamroute.errors import DecodeError
from streamroute.keys import GroupKeys

_PAGE: Final = 500  # dead letters in one reply
_SIGNATURE: Final = b'"signature": "%b"'
_SIGNED: Final = b'"signature": "'
"""In the facts of a letter, as JSON; quotes within a text of JSON are escaped."""
_REPLY_BYTES: Final = 16 * 1024 * 1024  # in one reply: each may be as large as an entry


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """An entry of a stream of dead letters.

    ``record`` is None if its ``fields`` cannot be parsed, or were not (``is_skipped``).
    """

    id: str
    record: DeadRecord | None
    fields: Mapping[bytes, bytes] = field(default_factory=dict, compare=False)
    is_skipped: bool = False

    @property
    def at(self) -> int:
        """The time at which it was written: Redis time, in ms since the epoch."""
        return int(self.id.partition("-")[0])


class DeadLetters:
    """One stream of dead letters; several streams and groups may share it.

    A reply holds at most ``reply_bytes`` of letters, unless a single one is larger. The methods raise
    RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, key: str, *, reply_bytes: int = _REPLY_BYTES) -> None:
        self.key = key
        self._reply_bytes = reply_bytes
        self._redis = redis
        self._client = raw_client(redis.client, key)
        self._doing = f"working on the dead letters in {key}"

    async def count(self) -> int:
        """Return the number of dead letters."""
        with translate_errors(self._redis, self._doing):
            return int(await send_command(self._client, "XLEN", self.key))

    async def now(self) -> int:
        """Return Redis time, in ms since the epoch."""
        with translate_errors(self._redis, self._doing):
            return milliseconds(await send_command(self._client, "TIME"))

    async def pages(
        self, *, since: int, until: int, signatures: Collection[str] = ()
    ) -> AsyncIterator[list[StoredDeadLetter]]:
        """Yield the letters written from ``since`` to ``until`` (ms, inclusive), oldest first.

        With ``signatures``, letters that surely have another one are not parsed: their ``record`` is None.
        Letters may be dropped or requeued during the iteration.

        Source: https://redis.io/docs/latest/commands/xrange/
        """
        marks = [_SIGNATURE % signature.encode() for signature in signatures]
        async for page in self._pages(str(max(since, 0)), str(max(until, 0)), marks):
            yield page

    async def pages_after(self, letter_id: str) -> AsyncIterator[list[StoredDeadLetter]]:
        """Yield the letters after an id, oldest first; ``0-0`` is before all."""
        async for page in self._pages(f"({letter_id}", "+"):
            yield page

    async def last_id(self) -> str:
        """Return the id of the last letter that was ever written; ``0-0`` if none was.

        Source: https://redis.io/docs/latest/commands/xinfo-stream/
        """
        with translate_errors(self._redis, self._doing):
            (facts,) = await send_each(self._client, [("XINFO", "STREAM", self.key)])
            if isinstance(facts, ResponseError) and "no such key" in str(facts):
                return "0-0"
            if isinstance(facts, Exception):
                raise facts
        return text(attributes(facts)["last-generated-id"])

    async def _pages(
        self, start: str, end: str, marks: Sequence[bytes] = ()
    ) -> AsyncIterator[list[StoredDeadLetter]]:
        count = 1
        while rows := await self._rows(start, end, count):
            yield [_letter(row, marks) for row in rows]
            start = f"({text(rows[-1][0])}"
            count = _next_count(rows, self._reply_bytes)

    async def find(self, letter_id: str) -> StoredDeadLetter | None:
        """Return the dead letter of this id, or None."""
        rows = await self._rows(letter_id, letter_id, 1)
        return _letter(rows[0]) if rows else None

    async def requeue(
        self, letters: Sequence[tuple[StoredDeadLetter, DeadRecord]], to: str | None = None
    ) -> int:
        """Schedule the messages of letters again, at the first attempt and with their history.

        See ``retry_of`` for the routes; ``to`` names another one. One script for each letter writes the retry
        before it deletes the letter. Returns how many letters existed.
        """
        calls = [self._requeue_call(letter, record, to) for letter, record in letters]
        with translate_errors(self._redis, self._doing):
            answers = await script("dead_letters/requeue").run_each(self._client, calls)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return sum(answers)

    async def drop(self, letters: Sequence[tuple[StoredDeadLetter, DeadRecord | None]]) -> int:
        """Delete letters; returns how many existed."""
        arguments: list[str] = []
        for letter, record in letters:
            index = ("", "") if record is None else (self._keys(record).failures, record.signature)
            arguments += [letter.id, *index]
        with translate_errors(self._redis, self._doing):
            return int(await script("dead_letters/drop").run(self._client, [self.key], arguments))

    def _keys(self, record: DeadRecord) -> GroupKeys:
        return GroupKeys.of(record.stream, record.group, self.key)

    def _requeue_call(self, letter: StoredDeadLetter, record: DeadRecord, to: str | None) -> Call:
        retry = retry_of(record, to)
        keys = self._keys(record)
        index = (keys.failures, record.signature)
        return [keys.dead, keys.retry], [letter.id, retry.name, retry.pack(), *index]

    async def _rows(self, start: str, end: str, count: int) -> list[Row]:
        with translate_errors(self._redis, self._doing):
            rows = await send_command(self._client, "XRANGE", self.key, start, end, "COUNT", count)
        return list(rows)


def _next_count(rows: Sequence[Row], reply_bytes: int) -> int:
    """Return the size of the next page: twice as many, if letters of this size fit into one reply."""
    size = sum(len(part) for _, fields in rows for part in fields) or 1
    return max(1, min(2 * len(rows), _PAGE, len(rows) * reply_bytes // size))


def _letter(row: Row, marks: Sequence[bytes] = ()) -> StoredDeadLetter:
    fields = fields_from_reply(row[1])
    facts = fields.get(FACTS, b"")
    if marks and _SIGNED in facts and not any(mark in facts for mark in marks):
        return StoredDeadLetter(text(row[0]), None, fields, is_skipped=True)
    try:
        record = DeadRecord.read(fields)
    except DecodeError:
        record = None
    return StoredDeadLetter(text(row[0]), record, fields)
