"""Watches the outcomes of groups: asks their workers to sample, and reads what they send."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from streamroute.adapters.groups.live_workers import live_workers
from streamroute.adapters.live.live_entries import LiveEntries
from streamroute.adapters.live.outcome_batch import FIELD, OutcomeBatch, unpack_batch
from streamroute.adapters.live.outcome_writer import MAX_BATCHES
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import to_domain_error, translate_errors
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.raw_client import raw_clients, send_each
from streamroute.adapters.redis.replies import attributes, milliseconds
from streamroute.keys import GroupKeys

REFRESH: Final = 2.0
"""Seconds between two calls of ``OutcomeWatch.refresh``."""
_WATCHED_MS: Final = 7_000  # for which workers sample after the last refresh
_OUTCOMES_MS: Final = 60_000  # for which the stream of outcomes stays: longer than any worker writes to it


@dataclass(frozen=True, slots=True)
class OutcomeStep:
    """The batches that one step has read, with their streams; ``damaged`` is the number of unreadable ones.

    ``overtaken`` are the streams whose workers send more than is read.
    """

    batches: Sequence[tuple[str, OutcomeBatch]] = ()
    damaged: int = 0
    overtaken: Sequence[str] = ()


class OutcomeWatch:
    """Watches the outcomes of these groups, by stream.

    The methods raise RedisUnavailableError if Redis cannot be reached, and SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, groups: Mapping[str, GroupKeys]) -> None:
        self._redis = redis
        self._groups = groups
        self._client_of = raw_clients(redis.client)
        self._streams = {keys.outcomes: stream for stream, keys in groups.items()}
        self._entries = LiveEntries(redis, dict.fromkeys(self._streams))

    async def start(self) -> None:
        """Ask for outcomes, and read those that are sent from now on."""
        await self._entries.start()  # first: what is sent at once is read, too
        await self.refresh()

    async def refresh(self) -> None:
        """Ask the workers to go on; each samples for a few seconds after the last call."""
        await self._send_all(_asking)

    async def step(self) -> OutcomeStep:
        """Return what the workers have sent since the last step."""
        step = await self._entries.step()
        unpacked = [
            (self._streams[entry.stream], unpack_batch(_batch(entry.parts))) for entry in step.entries
        ]
        return OutcomeStep(
            [(stream, batch) for stream, batch in unpacked if batch is not None and batch.worker],
            damaged=sum(batch is None for _, batch in unpacked),
            overtaken=[stream for key, stream in self._streams.items() if _names_gap(step.notices, key)],
        )

    async def workers(self) -> Mapping[str, frozenset[str]]:
        """Return the live workers of each stream's group."""
        answers = await self._send_all(lambda keys: [("TIME",), ("HGETALL", keys.workers)])
        return {
            stream: frozenset(live_workers(attributes(workers), milliseconds(time)))
            for stream, (time, workers) in answers.items()
        }

    async def _send_all(self, commands: Any) -> dict[str, list[Any]]:
        """Send each group's commands; raises the first error among the answers."""
        by_client: dict[Redis, list[str]] = {}
        for stream, keys in self._groups.items():
            by_client.setdefault(self._client_of(keys.stream), []).append(stream)
        found = await asyncio.gather(
            *(self._send(client, streams, commands) for client, streams in by_client.items())
        )
        return {stream: answers for part in found for stream, answers in part.items()}

    async def _send(self, client: Redis, streams: Sequence[str], commands: Any) -> dict[str, list[Any]]:
        parts: list[Sequence[CommandArgs]] = [commands(self._groups[stream]) for stream in streams]
        with translate_errors(self._redis, "watching outcomes"):
            answers = iter(await send_each(client, [command for part in parts for command in part]))
        found = {stream: [next(answers) for _ in part] for stream, part in zip(streams, parts, strict=True)}
        for stream, of_stream in found.items():
            self._raise_first(stream, of_stream)
        return found

    def _raise_first(self, stream: str, answers: Iterable[Any]) -> None:
        for answer in answers:
            if isinstance(answer, Exception):
                raise to_domain_error(answer, self._redis, f"watching the outcomes of {stream}") from answer


def _asking(keys: GroupKeys) -> list[CommandArgs]:
    """Return the commands that ask the workers of a group; they write only to a stream that exists."""
    empty = OutcomeBatch("").pack()
    return [
        ("XADD", keys.outcomes, "MAXLEN", "~", MAX_BATCHES, "*", FIELD, empty),
        ("PEXPIRE", keys.outcomes, _OUTCOMES_MS),
        ("SET", keys.watched, "", "PX", _WATCHED_MS),
    ]


def _batch(parts: Sequence[bytes]) -> bytes:
    return dict(zip(parts[::2], parts[1::2], strict=False)).get(FIELD, b"")


def _names_gap(notices: Iterable[str], key: str) -> bool:
    return any(notice.startswith(f"{key} grows faster") for notice in notices)
