"""The low watermark: a group that is lost begins again there, so that nothing is left out.

It is kept in Redis and by each worker: what loses the group may lose the one in Redis as well.
"""

from __future__ import annotations

from redis.asyncio import Redis

from streamroute.adapters.ids import before, parsed
from streamroute.adapters.replies import attributes, text
from streamroute.adapters.scripts import script
from streamroute.adapters.wire import command
from streamroute.keys import GroupKeys


class Watermarks:
    """How far the groups of one storage have come; may be used from several threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    async def note(self, client: Redis, keys: GroupKeys, group: str) -> None:
        """Ask the server how far the group is; raises what redis-py raises."""
        low = await script("watermark").run(client, [keys.stream, keys.meta], [group])
        self._known[keys.stream, group] = text(low)

    async def start(self, client: Redis, keys: GroupKeys, group: str) -> str:
        """The id after which the group is to begin: ``0-0`` where nothing is known of it.

        It is so as well where the stream itself was made anew: its entries may have any ids.
        """
        noted = await command(client, "HGET", keys.meta, "low")
        low = text(noted) if noted else self._known.get((keys.stream, group))
        if low is None or not await command(client, "EXISTS", keys.stream):
            return "0-0"
        facts = attributes(await command(client, "XINFO", "STREAM", keys.stream))
        if parsed(text(facts["last-generated-id"])) < parsed(low.removeprefix("(")):
            return "0-0"
        return low.removeprefix("(") if low.startswith("(") else before(low)
