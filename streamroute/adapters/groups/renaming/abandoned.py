"""Finds abandoned groups: groups with unfinished entries, left behind when a group was renamed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from streamroute.adapters.groups.live_workers import live_workers, unpack_known_routes
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_each
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.keys import GroupKeys


@dataclass(frozen=True, slots=True)
class AbandonedGroup:
    """A group without workers that has unfinished entries; ``unread`` is None if unknown."""

    name: str
    unread: int | None
    pending: int
    retries: int


class OtherGroups:
    """The groups of a stream other than ``group``; ``routes`` are the routes of ``group``.

    A check costs one command, one for each other group not known to be unrelated, and four for each related
    one. A group that had none of the routes is unrelated, and is not checked again.
    """

    def __init__(self, redis: RedisConnection, stream: str, group: str, routes: Collection[str]) -> None:
        self._redis = redis
        self._stream = stream
        self._group = group
        self._routes = routes
        self._unrelated: set[str] = set()

    async def abandoned(self, besides: Collection[str] = ()) -> list[AbandonedGroup]:
        """Return groups that had one of the routes, and have unfinished entries but no worker.

        Omits groups in ``besides`` and groups that this user may not inspect. Raises RedisUnavailableError if
        Redis cannot be reached, and SetupError if a key of a group has the wrong type.
        """
        with translate_errors(self._redis, f"looking at the groups of {self._stream}"):
            client = raw_client(self._redis.client, self._stream)
            (groups,) = await send_each(client, [("XINFO", "GROUPS", self._stream)])
            if isinstance(groups, ResponseError):
                return []
            others = {text(facts["name"]): facts for facts in map(attributes, groups)}
            left_out = {self._group, *self._unrelated, *besides}
            found = [
                await self._inspect(client, name, facts)
                for name, facts in others.items()
                if name not in left_out
            ]
        return [one for one in found if one is not None]

    async def _inspect(self, client: Any, name: str, facts: Mapping[str, Any]) -> AbandonedGroup | None:
        keys = GroupKeys.of(self._stream, name)
        published = await _send_permitted(client, ("HGETALL", keys.routes))
        if published is None or not self._is_related(name, published[0]):
            return None
        commands = (("TIME",), ("HGETALL", keys.workers), ("HLEN", keys.delayed), ("XLEN", keys.retry))
        answers = await _send_permitted(client, *commands)
        if answers is None:
            return None
        now, workers, delayed, promoted = answers
        if live_workers(attributes(workers), milliseconds(now)):
            return None
        lag = facts.get("lag")
        unread = None if lag is None else int(lag)
        abandoned = AbandonedGroup(name, unread, int(facts["pending"]), delayed + promoted)
        return abandoned if abandoned.unread or abandoned.pending or abandoned.retries else None

    def _is_related(self, name: str, published: Any) -> bool:
        """Whether the group had one of the routes; a group without routes is checked again."""
        repertoires = map(unpack_known_routes, attributes(published).values())
        their_routes = frozenset[str]().union(*(one.routes for one in repertoires))
        if their_routes.isdisjoint(self._routes):
            if their_routes:
                self._unrelated.add(name)
            return False
        return True


async def _send_permitted(client: Any, *commands: tuple[str, ...]) -> list[Any] | None:
    """Return the answers, or None if one of the commands is not permitted; raises other errors."""
    answers = await send_each(client, commands)
    if any(isinstance(answer, NoPermissionError) for answer in answers):
        return None
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
