"""Groups that nobody serves any more: left behind when a group is renamed, with what they had not done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from streamroute.adapters.connection import Connection
from streamroute.adapters.faults import explained
from streamroute.adapters.group_workers import living, unpacked
from streamroute.adapters.replies import attributes, milliseconds, text
from streamroute.adapters.wire import each, unparsed
from streamroute.keys import GroupKeys


@dataclass(frozen=True, slots=True)
class AbandonedGroup:
    """A group without workers that has something left to do, in entries; ``unread`` may not be known."""

    name: str
    unread: int | None
    pending: int
    retries: int


async def abandoned_groups(
    redis: Connection, stream: str, group: str, routes: Collection[str]
) -> list[AbandonedGroup]:
    """The other groups of a stream that knew one of these routes, have no worker, and something left to do.

    A group that this user may not look at is none. Raises RedisUnavailableError while Redis cannot be asked.
    """
    with explained(redis, f"looking at the groups of {stream}"):
        client = unparsed(redis.client, stream)
        (groups,) = await each(client, [("XINFO", "GROUPS", stream)])
        if isinstance(groups, ResponseError):
            return []
        others = [facts for facts in map(attributes, groups) if text(facts["name"]) != group]
        found = [await _looked_at(client, stream, facts, routes) for facts in others]
    return [one for one in found if one is not None]


async def _looked_at(
    client: Any, stream: str, facts: dict[str, Any], routes: Collection[str]
) -> AbandonedGroup | None:
    name = text(facts["name"])
    keys = GroupKeys.of(stream, name)
    answers = await each(
        client,
        [
            ("TIME",),
            ("HGETALL", keys.workers),
            ("HGETALL", keys.routes),
            ("HLEN", keys.delayed),
            ("XLEN", keys.retry),
        ],
    )
    if any(isinstance(answer, NoPermissionError) for answer in answers):
        return None
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    now, workers, known, delayed, promoted = answers
    theirs = frozenset().union(*(unpacked(value).routes for value in attributes(known).values()))
    if living(attributes(workers), milliseconds(now)) or theirs.isdisjoint(routes):
        return None
    lag = facts.get("lag")
    left = AbandonedGroup(name, None if lag is None else int(lag), int(facts["pending"]), delayed + promoted)
    return left if left.unread or left.pending or left.retries else None
