"""Counts the retries and dead letters of some routes of a group, such as those that a configuration drops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamroute.adapters.dead_letters.letters import DeadLetters
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.entries.parked_names import retry_of_parked
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import text
from streamroute.keys import GroupKeys, PauseKeys

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection

_LIMIT: Final = 10_000  # retries, and dead letters, to look at
_PAGE: Final = 100


@dataclass(slots=True)
class UnfinishedWork:
    """How many retries and dead letters of each route there are; a route without any is in neither.

    ``is_complete``: False if there are more than were looked at.
    """

    retries: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    is_complete: bool = True

    @property
    def routes(self) -> list[str]:
        """The names of the routes that have any, in order."""
        return sorted({*self.retries, *self.dead_letters})


async def waiting_for(
    redis: RedisConnection, keys: GroupKeys, group: str, routes: Collection[str], *, limit: int = _LIMIT
) -> UnfinishedWork:
    """Count the retries and dead letters that wait for ``routes``, without changing any.

    Looks at the first ``limit`` of each: delayed retries, retries that are due, parked messages, which count
    as retries, and dead letters.

    Raises RedisUnavailableError if Redis cannot be reached, and SetupError if it refuses.

    Sources: https://redis.io/docs/latest/commands/zrange/, https://redis.io/docs/latest/commands/xrange/
    """
    found = UnfinishedWork()
    client = raw_client(redis.client, keys.stream)
    with translate_errors(redis, f"counting what waits for routes of {keys.stream}"):
        for count in (_count_delayed, _count_due, _count_parked):
            found.is_complete &= await count(client, keys, routes, found.retries, limit)
    found.is_complete &= await _count_dead(redis, keys, group, routes, found.dead_letters, limit)
    return found


async def _count_delayed(
    client: Redis, keys: GroupKeys, routes: Collection[str], counts: Counter[str], limit: int
) -> bool:
    """Count delayed retries by name; returns whether all were looked at."""
    for start in range(0, limit, _PAGE):
        names = await send_command(client, "ZRANGE", keys.due, start, start + _PAGE - 1)
        _count_names(map(text, names), routes, counts)
        if len(names) < _PAGE:
            return True
    return False


async def _count_due(
    client: Redis, keys: GroupKeys, routes: Collection[str], counts: Counter[str], limit: int
) -> bool:
    """Count retries in the retry stream; returns whether all were looked at."""
    start = "-"
    for _ in range(0, limit, _PAGE):
        rows = await send_command(client, "XRANGE", keys.retry, start, "+", "COUNT", _PAGE)
        _count_names((_name_of(fields_from_reply(fields)) for _, fields in rows), routes, counts)
        if len(rows) < _PAGE:
            return True
        start = f"({text(rows[-1][0])}"
    return False


async def _count_parked(
    client: Redis, keys: GroupKeys, routes: Collection[str], counts: Counter[str], limit: int
) -> bool:
    """Count messages that are parked for a pause; returns whether all were looked at."""
    parked = PauseKeys.of(keys).parked
    for start in range(0, limit, _PAGE):
        names = await send_command(client, "ZRANGE", parked, start, start + _PAGE - 1)
        _count_names(map(retry_of_parked, map(text, names)), routes, counts)
        if len(names) < _PAGE:
            return True
    return False


async def _count_dead(
    redis: RedisConnection,
    keys: GroupKeys,
    group: str,
    routes: Collection[str],
    counts: Counter[str],
    limit: int,
) -> bool:
    """Count dead letters; returns whether all were looked at."""
    letters, seen = DeadLetters(redis, keys.dead), 0
    async for page in letters.pages(since=0, until=await letters.now()):
        for letter in page:
            record = letter.record
            if record is not None and (record.stream, record.group) == (keys.stream, group):
                counts.update(route for route in _routes_of(record) if route in routes)
        seen += len(page)
        if seen >= limit:
            return False
    return True


def _count_names(names: Iterable[str], routes: Collection[str], counts: Counter[str]) -> None:
    """Count the routes in the names of retries, ``id|route,route|attempt``."""
    for name in names:
        _, _, rest = name.partition("|")
        counts.update(route for route in rest.rpartition("|")[0].split(",") if route in routes)


def _name_of(fields: Mapping[bytes, bytes]) -> str:
    return text(fields.get(b"name", b""))


def _routes_of(record: DeadRecord) -> Iterable[str]:
    return record.routes if record.route is None else [record.route]
