"""Creates the groups of a storage: after a takeover, and at the watermark of a deleted group."""

from __future__ import annotations

from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.groups.renaming.takeover import GroupTakeover, require_not_replaced
from streamroute.adapters.groups.watermark import Watermarks
from streamroute.adapters.redis.cluster.client import require_one_slot
from streamroute.adapters.redis.raw_client import send_command
from streamroute.incidents import Incident, Incidents
from streamroute.keys import GroupKeys

Name = tuple[str, str]
"""A stream and a group."""


class GroupSetup:
    """Creates groups, and tracks which of them can be read.

    ``former_group`` is the former name of all groups here, or None: a group can be read only after it has
    taken over the entries of its former group.
    """

    def __init__(
        self,
        client_of: Callable[[str], Redis],
        watermarks: Watermarks,
        incidents: Incidents,
        former_group: str | None,
    ) -> None:
        self._client_of = client_of
        self._watermarks = watermarks
        self._incidents = incidents
        self._former_group = former_group
        self._created: set[Name] = set()
        self._takeovers: dict[Name, GroupTakeover] = {}

    async def create(self, keys: GroupKeys, group: str) -> None:
        """Create the group on the stream and on its retry stream, unless it exists.

        A new group starts at the first entry, a deleted one at its watermark. Does nothing while workers of
        the former group are alive. Raises SetupError if the keys are in several slots of a cluster, or if
        another group has replaced this one, and what redis-py raises.

        Source: https://redis.io/docs/latest/commands/xgroup-create/
        """
        client = self._client_of(keys.stream)
        require_one_slot(client, keys)
        if not await self._has_taken_over(keys, group):
            return
        async with explain_wrong_types(client, keys):
            await require_not_replaced(client, keys, group)
            start = await self._watermarks.start(client, keys, group)
            was_missing = await _create(client, keys.stream, group, start)
            are_retries_missing = await _create(client, keys.retry, group, "0")
        if was_missing:
            self._watermarks.reset(keys, group, start)
        self._report_recreated(
            keys, group, start, was_missing=was_missing, are_retries_missing=are_retries_missing
        )
        self._created.add((keys.stream, group))

    async def is_ready(self, keys: GroupKeys, group: str) -> bool:
        """Whether the group can be read; advances its takeover if one is in progress."""
        takeover = self._takeovers.get((keys.stream, group))
        if takeover is None or takeover.is_done:
            return True
        if await self._has_taken_over(keys, group):
            await self.create(keys, group)
            return True
        return False

    def exists(self, keys: GroupKeys, group: str) -> bool:
        """Whether the group was created, or does not wait for a takeover."""
        name = (keys.stream, group)
        return name not in self._takeovers or name in self._created

    async def _has_taken_over(self, keys: GroupKeys, group: str) -> bool:
        if self._former_group is None:
            return True
        name = (keys.stream, group)
        if name not in self._takeovers:
            former, names = GroupKeys.of(keys.stream, self._former_group), (self._former_group, group)
            self._takeovers[name] = GroupTakeover(self._client_of(keys.stream), former, keys, names)
        return await self._takeovers[name].advance()

    def _report_recreated(
        self, keys: GroupKeys, group: str, start: str, *, was_missing: bool, are_retries_missing: bool
    ) -> None:
        stream = keys.stream
        is_known = (stream, group) in self._created
        if was_missing and (start != "0-0" or is_known):
            text = "the group %s of %s was missing; it begins again after %s"
            self._incidents.report(Incident.GROUP_RECREATED, stream, text, group, stream, start)
        elif are_retries_missing and is_known:
            text = "the group %s of %s was missing; running retries may run again"
            self._incidents.report(Incident.GROUP_RECREATED, stream, text, group, keys.retry)


async def _create(client: Redis, key: str, group: str, start: str) -> bool:
    """Create a group; returns whether it did not exist."""
    try:
        await send_command(client, "XGROUP", "CREATE", key, group, start, "MKSTREAM")
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise
        return False
    return True
