"""The low watermark: a group that is lost begins again there, so that nothing is left out.

It is kept in Redis and by each worker: what loses the group may lose the one in Redis as well.
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
    """How far the groups of one storage have come; may be used from several threads."""

    def __init__(self, incidents: Incidents = LOG_ONLY) -> None:
        self._incidents = incidents
        self._known: dict[tuple[str, str], str] = {}
        self._moved: set[tuple[str, str]] = set()

    def moved(self, keys: GroupKeys, group: str) -> None:
        """The group has read or settled something: its watermark is to be noted."""
        self._moved.add((keys.stream, group))

    def has_moved(self, keys: GroupKeys, group: str) -> bool:
        """Whether the group has moved since its watermark was noted."""
        return (keys.stream, group) in self._moved

    async def note(self, client: Redis, keys: GroupKeys, group: str) -> None:
        """Ask the server how far the group is; raises what redis-py raises.

        A group that is less far than it was is told: the server has lost writes, or somebody moved it.
        """
        name = (keys.stream, group)
        self._moved.discard(name)
        known = self._known.get(name)
        noted = await script("save_watermark").run(client, [keys.stream, keys.meta], [group])
        if noted is None:
            return  # the group is lost, or not there yet
        if self._known.get(name) is not known:
            self._moved.add(name)  # the answer may be of the group before: it was created again meanwhile
            return
        low = self._known[name] = text(noted)
        if known is not None and _start(low) < _start(known):
            said = (
                "the group %s of %s has gone back from %s to %s: the server was restored from an older "
                "state, or somebody moved the group; what was done since runs again"
            )
            facts = (group, keys.stream, known.removeprefix("("), low.removeprefix("("))
            self._incidents.report(Incident.WENT_BACK, keys.stream, said, *facts)

    def reset(self, keys: GroupKeys, group: str, start: str) -> None:
        """The group was created, after the entry ``start``: that it is less far than it was is no news."""
        self._known[keys.stream, group] = f"({start}"

    async def start(self, client: Redis, keys: GroupKeys, group: str) -> str:
        """The id after which the group is to begin: ``0-0`` where nothing is known of it.

        It is so as well where the stream itself was made anew: its entries may have any ids. What is noted
        in Redis and cannot be read counts as unknown; it is told, and written anew when the group has moved.
        """
        low = await self._noted(client, keys) or self._known.get((keys.stream, group))
        if low is None or not await send_command(client, "EXISTS", keys.stream):
            return _NOWHERE
        facts = attributes(await send_command(client, "XINFO", "STREAM", keys.stream))
        if parse_id(text(facts["last-generated-id"])) < parse_id(low.removeprefix("(")):
            return _NOWHERE
        return low.removeprefix("(") if low.startswith("(") else previous_id(low)

    async def _noted(self, client: Redis, keys: GroupKeys) -> str | None:
        noted = await send_command(client, "HGET", keys.meta, "low")
        if noted is None:
            return None
        try:
            low = text(noted)
            parse_id(low.removeprefix("("))
        except ValueError:
            if await send_command(client, "HDEL", keys.meta, "low"):  # else somebody else has told it
                said = "the watermark in %s cannot be read, and counts as unknown: %s"
                log.error(said, keys.meta, safe_repr(noted, NAME))
            return None
        return low


def _start(low: str) -> tuple[int, int, int]:
    """Watermarks in their order: "(7-0" is behind "7-0"."""
    return (*parse_id(low.removeprefix("(")), low.startswith("("))
