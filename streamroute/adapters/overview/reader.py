"""Reads the overviews of many groups in three round trips for every 25 groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from streamroute.adapters.groups.answers import answer_or_none
from streamroute.adapters.overview.facts import fact_commands, is_released, read_facts
from streamroute.adapters.overview.group_overview import ConsumerHolding, GroupOverview
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.raw_client import raw_clients, send_each
from streamroute.adapters.redis.replies import text
from streamroute.adapters.snapshots.worker_snapshot import MAX_BYTES, DamagedSnapshotError, WorkerSnapshot
from streamroute.keys import GroupKeys

_GROUPS_AT_ONCE: Final = 25  # whose commands share a round trip
_MAX_WORKERS: Final = 200  # of a group, whose snapshots are read
_MAX_DEAD: Final = 20  # consumers of a group that are not alive, whose oldest entry is read


class GroupName(NamedTuple):
    """A group to read, and its keys."""

    keys: GroupKeys
    group: str


class OverviewReader:
    """Reads the overviews of groups; raises RedisUnavailableError if Redis cannot be reached."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis
        self._client_of = raw_clients(redis.client)

    async def read(self, groups: Sequence[GroupName]) -> list[GroupOverview]:
        """Return the overview of each group, in the same order."""
        overviews: list[GroupOverview] = []
        with translate_errors(self._redis, "reading the state of the streams"):
            for start in range(0, len(groups), _GROUPS_AT_ONCE):
                overviews += await self._read_some(groups[start : start + _GROUPS_AT_ONCE])
        return overviews

    async def _read_some(self, groups: Sequence[GroupName]) -> list[GroupOverview]:
        answers = await self._ask(groups, [fact_commands(*name) for name in groups])
        found = [read_facts(*name, answer) for name, answer in zip(groups, answers, strict=True)]
        sizes = await self._ask(groups, [_detail_commands(*pair) for pair in zip(groups, found, strict=True)])
        found = [_with_details(*three) for three in zip(groups, found, sizes, strict=True)]
        wanted = [_fitting(overview, answer) for overview, answer in zip(found, sizes, strict=True)]
        commands = [_snapshot_commands(*pair) for pair in zip(groups, wanted, strict=True)]
        packed = await self._ask(groups, commands)
        return [_with_snapshots(*three) for three in zip(found, wanted, packed, strict=True)]

    async def _ask(
        self, groups: Sequence[GroupName], commands: Sequence[Sequence[CommandArgs]]
    ) -> list[list[Any]]:
        """Send the commands of each group; those to the same server share a round trip."""
        by_client: dict[Redis, list[int]] = {}
        for index, name in enumerate(groups):
            if commands[index]:
                by_client.setdefault(self._client_of(name.keys.stream), []).append(index)
        answers: list[list[Any]] = [[] for _ in groups]

        async def ask(client: Redis, indexes: Sequence[int]) -> None:
            reply = iter(await send_each(client, [words for index in indexes for words in commands[index]]))
            for index in indexes:
                answers[index] = [next(reply) for _ in commands[index]]

        await asyncio.gather(*(ask(client, indexes) for client, indexes in by_client.items()))
        return answers


def _detail_commands(name: GroupName, overview: GroupOverview) -> list[CommandArgs]:
    """Ask for the sizes of the snapshots, the oldest entry of each dead consumer, and the newest letter."""
    keys, group = name
    sizes: list[CommandArgs] = [("HSTRLEN", keys.stats, consumer) for consumer in _readable(overview)]
    oldest: list[CommandArgs] = [
        ("XPENDING", keys.stream, group, "-", "+", 1, consumer) for consumer in _left_behind(overview)
    ]
    letters: list[CommandArgs] = [("XREVRANGE", keys.dead, "+", "-", "COUNT", 1)] if overview.dead else []
    return [*sizes, *oldest, *letters]


def _readable(overview: GroupOverview) -> list[str]:
    return list(overview.alive)[:_MAX_WORKERS]


def _left_behind(overview: GroupOverview) -> list[str]:
    """Return the consumers that hold entries of the stream and are not alive."""
    names = (
        name
        for name, held in overview.holding.items()
        if held.entries and name not in overview.alive and not is_released(name)
    )
    return [name for _, name in zip(range(_MAX_DEAD), names, strict=False)]


def _with_details(name: GroupName, overview: GroupOverview, answers: Sequence[Any]) -> GroupOverview:
    consumers, left_behind = _readable(overview), _left_behind(overview)
    rest = answers[len(consumers) :]
    holding = dict(overview.holding)
    for consumer, rows in zip(left_behind, rest, strict=False):
        held = holding[consumer]
        holding[consumer] = ConsumerHolding(held.entries, held.retries, _first_id(rows))
    newest = _first_id(rest[len(left_behind)]) if overview.dead else ""
    too_long = [
        f"{name.keys.stats} {consumer}: the snapshot is too long"
        for consumer, size in zip(consumers, answers, strict=False)
        if type(size) is int and size > MAX_BYTES
    ]
    damaged = tuple(dict.fromkeys([*overview.damaged, *too_long, *_unreadable(name, answers)]))
    return replace(overview, holding=holding, newest_dead=newest, damaged=damaged)


def _unreadable(name: GroupName, answers: Iterable[Any]) -> list[str]:
    is_wrong = any("WRONGTYPE" in str(answer) for answer in answers if isinstance(answer, Exception))
    return [f"{name.keys.stats} holds another type of value"] if is_wrong else []


def _first_id(rows: Any) -> str:
    known = answer_or_none(rows)
    return text(known[0][0]) if known else ""


def _fitting(overview: GroupOverview, answers: Sequence[Any]) -> list[str]:
    """Return the workers whose snapshot can be read."""
    sizes = zip(_readable(overview), answers, strict=False)
    return [consumer for consumer, size in sizes if type(size) is int and 0 < size <= MAX_BYTES]


def _snapshot_commands(name: GroupName, consumers: Sequence[str]) -> list[CommandArgs]:
    return [("HMGET", name.keys.stats, *consumers)] if consumers else []


def _with_snapshots(
    overview: GroupOverview, consumers: Sequence[str], answers: Sequence[Any]
) -> GroupOverview:
    packed = answer_or_none(answers[0]) if answers else None
    snapshots, damaged = {}, list(overview.damaged)
    for consumer, value in zip(consumers, packed or (), strict=False):
        if value is None:
            continue
        try:
            snapshots[consumer] = WorkerSnapshot.unpack(value)
        except DamagedSnapshotError as error:
            damaged.append(f"the snapshot of {consumer} cannot be read: {error}")
    return replace(overview, snapshots=snapshots, damaged=tuple(damaged))
