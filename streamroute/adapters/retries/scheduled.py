"""The retries of one group that wait for their time: names and due times, and their records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamroute.adapters.entries.dead_record import DeadRecord, group_facts
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.entries.settlement import MAX_FAILURE_GROUPS
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command, send_each
from streamroute.adapters.redis.replies import milliseconds
from streamroute.adapters.redis.scripts import Argument, Call, script
from streamroute.adapters.retries.retry_name import RetryName
from streamroute.errors import DecodeError
from streamroute.keys import GroupKeys, PauseKeys

_PAGE: Final = 5_000  # names in one reply
_AT_ONCE: Final = 500  # retries that one command changes
_REPLY_BYTES: Final = 16 * 1024 * 1024  # of records in one reply, unless a single one is larger


@dataclass(frozen=True, slots=True)
class ScheduledRetry:
    """A retry that waits until ``due`` (Redis time in ms); ``key`` is its name as stored."""

    key: bytes
    due: int

    @property
    def name(self) -> RetryName:
        """What its name says."""
        return RetryName.parse(self.key.decode(errors="replace"))


class ScheduledRetries:
    """The retries of one group; the methods raise RedisUnavailableError, and SetupError if Redis refuses.

    Retries that are due already may be moved to the group's retry stream, and run, at any time.
    """

    def __init__(
        self, redis: RedisConnection, keys: GroupKeys, *, page: int = _PAGE, reply_bytes: int = _REPLY_BYTES
    ) -> None:
        self.keys = keys
        self._redis = redis
        self._client = raw_client(redis.client, keys.stream)
        self._page = page
        self._reply_bytes = reply_bytes
        self._doing = f"working on the retries of {keys.stream}"

    async def now(self) -> int:
        """Return Redis time, in ms since the epoch."""
        with translate_errors(self._redis, self._doing):
            return milliseconds(await send_command(self._client, "TIME"))

    async def count(self) -> int:
        """Return how many retries wait."""
        with translate_errors(self._redis, self._doing):
            return int(await send_command(self._client, "ZCARD", self.keys.due))

    async def parked(self) -> int:
        """Return how many messages wait for the end of a pause, or return after one."""
        with translate_errors(self._redis, self._doing):
            return int(await send_command(self._client, "ZCARD", PauseKeys.of(self.keys).parked))

    async def next_ones(self, limit: int) -> list[ScheduledRetry]:
        """Return the retries that are due first."""
        with translate_errors(self._redis, self._doing):
            reply = await send_command(self._client, "ZRANGE", self.keys.due, 0, limit - 1, "WITHSCORES")
        return list(_scored(reply))

    async def all(self) -> list[ScheduledRetry]:
        """Return all retries, those due first at the beginning.

        Reads from the end: those that become due meanwhile leave at the beginning, and shift no others.

        Source: https://redis.io/docs/latest/commands/zrange/
        """
        found: dict[bytes, ScheduledRetry] = {}
        start = 0
        with translate_errors(self._redis, self._doing):
            while True:
                stop = start + self._page - 1
                words = ("ZRANGE", self.keys.due, start, stop, "REV", "WITHSCORES")
                page = list(_scored(await send_command(self._client, *words)))
                found |= {retry.key: retry for retry in page}
                if len(page) < self._page:
                    break
                start += self._page
        return sorted(found.values(), key=lambda retry: (retry.due, retry.key))

    async def records(
        self, retries: Sequence[ScheduledRetry], max_bytes: int
    ) -> dict[bytes, RetryRecord | DecodeError]:
        """Return the records of retries by key, or why one cannot be read; none for one that is gone.

        A record of more than ``max_bytes`` is not read.
        """
        found: dict[bytes, RetryRecord | DecodeError] = {}
        with translate_errors(self._redis, self._doing):
            sizes = await self._each([("HSTRLEN", self.keys.delayed, retry.key) for retry in retries])
            wanted = {retry.key: size for retry, size in zip(retries, sizes, strict=True) if size}
            for key, size in wanted.items():
                if size > max_bytes:
                    found[key] = DecodeError(f"its entry has {size:,} bytes")
            small = {key: size for key, size in wanted.items() if size <= max_bytes}
            for keys in _batches(small, self._reply_bytes):
                values = await self._each([("HGET", self.keys.delayed, key) for key in keys])
                found |= {
                    key: _record(value) for key, value in zip(keys, values, strict=True) if value is not None
                }
        return found

    async def run_now(self, retries: Sequence[ScheduledRetry]) -> int:
        """Make retries due now; returns how many were not due yet. One that is gone stays gone.

        Source: https://redis.io/docs/latest/commands/zadd/
        """
        changed = 0
        for start in range(0, len(retries), _AT_ONCE):
            now = await self.now()
            pairs = [part for retry in retries[start : start + _AT_ONCE] for part in (now, retry.key)]
            with translate_errors(self._redis, self._doing):
                changed += int(
                    await send_command(self._client, "ZADD", self.keys.due, "XX", "LT", "CH", *pairs)
                )
        return changed

    async def cancel(self, letters: Mapping[bytes, DeadRecord]) -> int:
        """Replace each retry, by its key, by a dead letter; returns how many still waited.

        One that is gone runs, or has run: no letter is written for it.
        """
        calls: list[Call] = []
        for key, letter in letters.items():
            keys = [self.keys.due, self.keys.delayed, self.keys.dead]
            arguments: list[Argument] = [key, self.keys.failures, MAX_FAILURE_GROUPS]
            arguments += [letter.signed().signature, group_facts(letter), *flatten_fields(letter.write())]
            calls.append((keys, arguments))
        with translate_errors(self._redis, self._doing):
            answers = await script("retries/cancel").run_each(self._client, calls)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return sum(answers)

    async def _each(self, commands: Sequence[Any]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(commands), _AT_ONCE):
            answers += await send_each(self._client, commands[start : start + _AT_ONCE])
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


def _scored(reply: Any) -> Iterator[ScheduledRetry]:
    """Read members and scores: a flat list in RESP2, pairs in RESP3."""
    is_flat = bool(reply) and not isinstance(reply[0], list | tuple)
    pairs = zip(reply[::2], reply[1::2], strict=True) if is_flat else reply
    for member, score in pairs:
        yield ScheduledRetry(member, int(float(score)))


def _batches(sizes: Mapping[bytes, int], limit: int) -> Iterator[list[bytes]]:
    """Split keys into batches whose values have at most ``limit`` bytes, unless a single one is larger."""
    batch: list[bytes] = []
    total = 0
    for key, size in sizes.items():
        if batch and total + size > limit:
            yield batch
            batch, total = [], 0
        batch.append(key)
        total += size
    if batch:
        yield batch


def _record(value: bytes) -> RetryRecord | DecodeError:
    try:
        return RetryRecord.unpack(value)
    except DecodeError as error:
        return error
