"""Pauses and resumes routes of a group, and reads what is paused, for operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.entries.parked_names import queue_name, retry_of_parked, route_of_queue
from streamroute.adapters.pauses.record import Pause, parse_pause, pause_text
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.adapters.redis.scripts import Argument, script
from streamroute.keys import GroupKeys, PauseKeys

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection

_LONGEST: Final = 3650 * 86_400.0  # seconds of a pause; its end is a time that calendars have
_MAX_ROUTES: Final = 10_000  # routes whose parked messages are counted


@dataclass(frozen=True, slots=True)
class GroupPauses:
    """What is paused in a group at ``now`` (Redis time in ms).

    ``pauses`` are by route, the whole stream's by an empty name; ``parked`` the numbers of parked messages,
    by route, also of routes that are not paused any more. ``damaged`` are names without a readable pause.
    """

    now: int
    pauses: Mapping[str, Pause]
    parked: Mapping[str, int]
    damaged: tuple[str, ...] = ()


class PauseStore:
    """The pauses of one group.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, keys: GroupKeys) -> None:
        self._redis = redis
        self._keys = PauseKeys.of(keys)
        self._stream = keys.stream
        self._client = raw_client(redis.client, keys.stream)

    async def pause(
        self, route: str, reason: str, who: str, seconds: float | None = None
    ) -> tuple[Pause | None, Pause]:
        """Pause a route, or with an empty name the stream; returns the pause before, and the new one.

        A second pause keeps the time since which it is paused.
        """
        with translate_errors(self._redis, f"pausing {self._stream}"):
            lasts = 0 if seconds is None else max(1, int(min(seconds, _LONGEST) * 1000))
            arguments: list[Argument] = [route, pause_text(reason, who), lasts]
            keys = [self._keys.paused, self._keys.parked]
            before, after = await script("pauses/pause").run(self._client, keys, arguments)
        new = parse_pause(after)
        assert new is not None  # noqa: S101 - the script has just written it
        known = parse_pause(before)
        return (None if known is None or known.is_over(new.since) else known), new

    async def resume(self, route: str) -> Pause | None:
        """End the pause of a route, or with an empty name of the stream; returns it, or None."""
        with translate_errors(self._redis, f"resuming {self._stream}"):
            before = await script("pauses/resume").run(self._client, [self._keys.paused], [route])
        return parse_pause(before)

    async def read(self) -> GroupPauses:
        """Return what is paused, and how many messages are parked.

        Sources: https://redis.io/docs/latest/commands/hgetall/, https://redis.io/docs/latest/commands/zrange/
        """
        with translate_errors(self._redis, f"reading the pauses of {self._stream}"):
            now = milliseconds(await send_command(self._client, "TIME"))
            stored = attributes(await send_command(self._client, "HGETALL", self._keys.paused))
            parked = await self._parked()
        found = {route: parse_pause(packed) for route, packed in stored.items()}
        return GroupPauses(
            now,
            {route: pause for route, pause in found.items() if pause is not None and not pause.is_over(now)},
            parked,
            tuple(sorted(route for route, pause in found.items() if pause is None)),
        )

    async def _parked(self) -> dict[str, int]:
        """Return the numbers of parked messages by route; the names of a route are together."""
        counts: dict[str, int] = {}
        start = b"-"
        for _ in range(_MAX_ROUTES):
            first = await self._names(start, "+", 1)
            if not first:
                break
            name = bytes(first[0])  # not decoded: its successor in Redis is one of bytes
            queue, bar, _ = name.partition(b"|")
            if not bar:  # not of a worker
                start = b"(%b" % name
                continue
            least, most = b"[%b|" % queue, b"(%b}" % queue
            found = await send_command(self._client, "ZLEXCOUNT", self._keys.parked, least, most)
            counts[route_of_queue(text(queue))] = int(found)
            start = most
        return counts

    async def oldest(self, route: str, limit: int) -> list[str]:
        """Return the names (id, route, attempt) of a route's first parked messages, in order."""
        queue = queue_name(route)
        with translate_errors(self._redis, f"reading the parked messages of {self._stream}"):
            names = await self._names(f"[{queue}|", f"({queue}}}", limit)
        return [retry_of_parked(text(name)) for name in names]

    async def _names(self, start: str | bytes, end: str, limit: int) -> list[Any]:
        arguments = (start, end, "BYLEX", "LIMIT", 0, limit)
        return list(await send_command(self._client, "ZRANGE", self._keys.parked, *arguments))
