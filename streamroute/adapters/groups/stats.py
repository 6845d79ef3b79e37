"""Statistics of a consumer group, from the server's own counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import NoPermissionError, ResponseError

from streamroute.adapters.groups.answers import answer_or_none, group_attributes
from streamroute.adapters.groups.live_workers import live_workers
from streamroute.adapters.pauses.record import parse_pause
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.raw_client import raw_client, send_each
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.keys import GroupKeys, PauseKeys

_MAX_PAUSED: Final = 1000  # pauses that are counted
_MIN_CLOCK_ID: Final = 10**12  # ms since the epoch, in 2001: a lower id does not come from a clock


@dataclass(frozen=True, slots=True)
class GroupStats:
    """Counts of a group's entries; None if the server does not know, or if the user lacks the permission.

    ``oldest`` is the age of the oldest pending entry, in seconds since it was produced; 0 if none is pending.
    ``lease`` is the longest lease of a live worker, in seconds.
    """

    unread: int | None = None
    pending: int | None = None
    scheduled: int | None = None
    dead: int | None = None
    oldest: float | None = None
    lease: float | None = None
    parked: int | None = None
    paused: tuple[tuple[str, str], ...] = ()
    """The routes that are paused (empty: the whole stream), and the kind of each pause."""
    denied: str = ""
    """The server's permission error for a part, or an empty string."""


class GroupStatsReader:
    """Reads the statistics of one group in one round trip, at a cost independent of the stream's length."""

    def __init__(self, redis: RedisConnection, keys: GroupKeys, group: str) -> None:
        self._redis = redis
        self._client = raw_client(redis.client, keys.stream)
        self._keys = keys
        self._group = group
        self._pauses = PauseKeys.of(keys)

    async def fetch(self) -> GroupStats:
        """Return the current statistics; raises RedisUnavailableError if Redis cannot be reached.

        Sources: https://redis.io/docs/latest/commands/xinfo-groups/,
        https://redis.io/docs/latest/commands/xpending/
        """
        keys = self._keys
        questions: Sequence[CommandArgs] = [
            ("TIME",),
            ("XINFO", "GROUPS", keys.stream),
            ("XPENDING", keys.stream, self._group, "-", "+", 1),
            ("XINFO", "GROUPS", keys.retry),
            ("XINFO", "STREAM", keys.retry),
            ("ZCARD", keys.due),
            ("XINFO", "STREAM", keys.dead),
            ("HGETALL", keys.workers),
            ("ZCARD", self._pauses.parked),
            ("HGETALL", self._pauses.paused),
        ]
        with translate_errors(self._redis, f"reading the statistics of {keys.stream}"):
            return self._read(await send_each(self._client, questions))

    def _read(self, answers: list[Any]) -> GroupStats:
        clock, groups, first, retry_groups, retry, due, dead, workers, parked, paused = answers
        group, retries = group_attributes(groups, self._group), group_attributes(retry_groups, self._group)
        pending, retrying = group.get("pending"), retries.get("pending")
        return GroupStats(
            unread=group.get("lag"),
            pending=_sum(pending, retrying),
            # Settled entries are deleted from the retry stream: its entries are pending or unread.
            scheduled=_sum(answer_or_none(due), _length(retry), None if retrying is None else -retrying),
            dead=_length(dead),
            oldest=_age(first, clock),
            lease=_lease(workers, clock),
            parked=answer_or_none(parked),
            paused=_paused(paused, clock),
            denied=next((str(one) for one in answers if isinstance(one, NoPermissionError)), ""),
        )


def _length(answer: Any) -> int | None:
    """Return the length in a reply of XINFO STREAM; 0 if the stream does not exist."""
    if isinstance(answer, ResponseError) and "no such key" in str(answer):
        return 0
    facts = answer_or_none(answer)
    return None if facts is None else int(attributes(facts)["length"])


def _age(first: Any, clock: Any) -> float | None:
    rows = answer_or_none(first)
    if rows is None or answer_or_none(clock) is None:
        return None
    if not rows:
        return 0.0
    produced = int(text(rows[0][0]).partition("-")[0])
    now = milliseconds(clock)
    return max(0, now - produced) / 1000 if produced >= _MIN_CLOCK_ID else None


def _lease(workers: Any, clock: Any) -> float | None:
    known, time = answer_or_none(workers), answer_or_none(clock)
    if known is None or time is None:
        return None
    alive = live_workers(attributes(known), milliseconds(time))
    return max((lease for lease, _ in alive.values()), default=0) / 1000 or None


def _paused(stored: Any, clock: Any) -> tuple[tuple[str, str], ...]:
    """Return the routes that are paused, in order; damaged pauses pause nothing."""
    known, time = answer_or_none(stored), answer_or_none(clock)
    if known is None or time is None:
        return ()
    now = milliseconds(time)
    pauses = {route: parse_pause(packed) for route, packed in attributes(known).items()}
    kinds = ((route, pause.kind) for route, pause in pauses.items() if pause and not pause.is_over(now))
    return tuple(sorted(kinds)[:_MAX_PAUSED])


def _sum(*parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
