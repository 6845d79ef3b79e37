"""Follows several streams at once, in bounded steps and without a group.

Each step is one round trip to each server. It reads with XRANGE and does not block: streams of all slots of a
cluster are followed alike, and a stream that cannot be read hides no other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from streamroute.adapters.live.live_cursor import LiveCursor
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import to_domain_error, translate_errors
from streamroute.adapters.redis.raw_client import raw_clients, send_command, send_each
from streamroute.adapters.redis.replies import text
from streamroute.errors import RedisUnavailableError

MAX_BEHIND: Final = 3.0
"""Seconds for which a stream may grow faster than it is read before entries are left out."""


class LiveEntry(NamedTuple):
    """An entry of a stream; ``parts`` are its alternating names and values."""

    stream: str
    id: str
    parts: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class LiveStep:
    """What one step has read: entries ordered by id, and sentences about streams.

    ``is_behind``: a stream has further entries, so that the next step should follow at once.
    """

    entries: Sequence[LiveEntry] = ()
    notices: Sequence[str] = ()
    is_behind: bool = False


@dataclass(slots=True)
class _StepParts:
    entries: list[LiveEntry] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    is_behind: bool = False


class LiveEntries:
    """The entries of streams after the given ids (None: those that are added after ``start()``).

    A stream that grows faster than it is read is continued at its end after ``max_behind`` seconds, and a
    notice says so; what was there at the start is read in full. The methods raise RedisUnavailableError if
    Redis cannot be reached, and may be called again.
    """

    def __init__(
        self, redis: RedisConnection, after: Mapping[str, str | None], *, max_behind: float = MAX_BEHIND
    ) -> None:
        self._redis = redis
        self._cursors = {stream: LiveCursor(stream, start, max_behind) for stream, start in after.items()}
        client_of = raw_clients(redis.client)
        self._clients = {stream: client_of(stream) for stream in after}

    async def start(self) -> Mapping[str, str]:
        """Note the end of each stream; return the id after which it is read, by stream."""
        for stream, cursor in self._cursors.items():
            if cursor.after is None:
                with translate_errors(self._redis, f"reading {stream}"):
                    cursor.after = await self._last_id(stream)
        return {stream: cursor.after or "0-0" for stream, cursor in self._cursors.items()}

    async def step(self) -> LiveStep:
        """Read what is new, up to a few megabytes of each stream."""
        parts = _StepParts()
        by_client: dict[int, list[str]] = {}
        for stream, client in self._clients.items():
            by_client.setdefault(id(client), []).append(stream)
        for streams in by_client.values():
            await self._read(streams, parts)
        parts.entries.sort(key=lambda entry: _order(entry.id))
        return LiveStep(tuple(parts.entries), tuple(parts.notices), parts.is_behind)

    async def _read(self, streams: Sequence[str], parts: _StepParts) -> None:
        commands = [command for stream in streams for command in self._cursors[stream].commands()]
        with translate_errors(self._redis, "reading streams"):
            answers = await send_each(self._clients[streams[0]], commands)
        for stream, rows, exists in zip(streams, answers[::2], answers[1::2], strict=True):
            cursor = self._cursors[stream]
            refusal = next((answer for answer in (rows, exists) if isinstance(answer, Exception)), None)
            if refusal is not None:
                parts.notices += cursor.refused(self._reason(stream, refusal))
                continue
            parts.notices += cursor.found(exists=bool(exists))
            parts.entries += [LiveEntry(stream, text(row[0]), row[1]) for row in _whole(rows)]
            if cursor.read(rows, time.monotonic()):
                parts.notices.append(cursor.skip_to(await self._end(stream)))
            parts.is_behind = parts.is_behind or cursor.is_behind

    def _reason(self, stream: str, error: Exception) -> str:
        """Return why a stream cannot be read; raises RedisUnavailableError if that passes."""
        refused = to_domain_error(error, self._redis, f"reading {stream}")
        if isinstance(refused, RedisUnavailableError):
            raise refused
        return str(refused)

    async def _end(self, stream: str) -> str:
        with translate_errors(self._redis, f"reading {stream}"):
            return await self._last_id(stream)

    async def _last_id(self, stream: str) -> str:
        rows = await send_command(self._clients[stream], "XREVRANGE", stream, "+", "-", "COUNT", 1)
        return text(rows[0][0]) if rows else "0-0"


def _whole(rows: Iterable[Any]) -> Iterable[Any]:
    """Return the rows that have fields: an entry that was deleted while it was read has none."""
    return (row for row in rows if row[1])


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
