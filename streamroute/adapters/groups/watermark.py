"""The low watermark: a deleted group starts again there, so that no entry is skipped.

It is kept in Redis and in each worker: data loss that affects the group may also affect the copy in Redis.
"""

from __future__ import annotations

import logging
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.entries.entry_ids import parse_id, previous_id
from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.redis.replies import attributes, text
from streamroute.adapters.redis.scripts import script
from streamroute.incidents import LOG_ONLY, Incident, Incidents
from streamroute.keys import GroupKeys
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr

log = logging.getLogger(__name__)

_NOWHERE: Final = "0-0"


class Watermarks:
    """The watermarks of the groups of one storage; may be used from several threads."""

    def __init__(self, incidents: Incidents = LOG_ONLY) -> None:
        self._incidents = incidents
        self._known: dict[tuple[str, str], str] = {}
        self._moved: set[tuple[str, str]] = set()

    def moved(self, keys: GroupKeys, group: str) -> None:
        """Record that the group has read or settled entries, so that its watermark is saved soon."""
        self._moved.add((keys.stream, group))

    def has_moved(self, keys: GroupKeys, group: str) -> bool:
        """Whether the group has moved since its watermark was saved."""
        return (keys.stream, group) in self._moved

    async def note(self, client: Redis, keys: GroupKeys, group: str) -> None:
        """Save the group's watermark; raises what redis-py raises.

        Reports a group whose watermark went back: the server has lost writes, or XGROUP SETID was called.
        """
        name = (keys.stream, group)
        self._moved.discard(name)
        known = self._known.get(name)
        noted = await script("groups/save_watermark").run(client, [keys.stream, keys.meta], [group])
        if noted is None:
            return  # the group does not exist
        if self._known.get(name) is not known:
            self._moved.add(name)  # the group was created again meanwhile: the answer may be outdated
            return
        low = self._known[name] = text(noted)
        if known is not None and _start(low) < _start(known):
            template = (
                "the group %s of %s has gone back from %s to %s: the server was restored from an older "
                "state, or somebody moved the group; what was done since runs again"
            )
            facts = (group, keys.stream, known.removeprefix("("), low.removeprefix("("))
            self._incidents.report(Incident.WENT_BACK, keys.stream, template, *facts)

    def reset(self, keys: GroupKeys, group: str, start: str) -> None:
        """Record that the group was created after the entry ``start``, so that it counts as its watermark."""
        self._known[keys.stream, group] = f"({start}"

    async def start(self, client: Redis, keys: GroupKeys, group: str) -> str:
        """Return the id after which the group starts: ``0-0`` if its watermark is unknown.

        Also returns ``0-0`` if the stream was created again, as its ids may be lower. An invalid watermark in
        Redis counts as unknown; it is logged, and replaced when the group moves.
        """
        low = await self._stored_watermark(client, keys) or self._known.get((keys.stream, group))
        if low is None or not await send_command(client, "EXISTS", keys.stream):
            return _NOWHERE
        facts = attributes(await send_command(client, "XINFO", "STREAM", keys.stream))
        if parse_id(text(facts["last-generated-id"])) < parse_id(low.removeprefix("(")):
            return _NOWHERE
        return low.removeprefix("(") if low.startswith("(") else previous_id(low)

    async def _stored_watermark(self, client: Redis, keys: GroupKeys) -> str | None:
        noted = await send_command(client, "HGET", keys.meta, "low")
        if noted is None:
            return None
        try:
            low = text(noted)
            parse_id(low.removeprefix("("))
        except ValueError:
            if await send_command(client, "HDEL", keys.meta, "low"):  # otherwise another worker has logged it
                template = "the watermark in %s is invalid, and counts as unknown: %s"
                log.error(template, keys.meta, safe_repr(noted, NAME))
            return None
        return low


def _start(low: str) -> tuple[int, int, int]:
    """Return the sort key of a watermark: "(7-0" follows "7-0"."""
    return (*parse_id(low.removeprefix("(")), low.startswith("("))
