"""List what is paused, and where messages are parked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.adapters.pauses.store import PauseStore

if TYPE_CHECKING:
    from streamroute.adapters.pauses.record import Pause
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys


@dataclass(frozen=True, slots=True)
class PausedItem:
    """A route or a stream (an empty ``route``) that is paused, or that still has parked messages.

    ``pause`` is None if it is not paused any more: then its ``parked`` messages are returning. It is also
    None if ``is_damaged``: such a pause pauses nothing.
    """

    stream: str
    route: str
    pause: Pause | None
    parked: int = 0
    is_damaged: bool = False


async def paused_items(redis: RedisConnection, groups: Iterable[GroupKeys]) -> list[PausedItem]:
    """Return what is paused in some groups, streams before routes.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    items: list[PausedItem] = []
    for keys in groups:
        found = await PauseStore(redis, keys).read()
        for route in sorted({*found.pauses, *found.parked, *found.damaged}):
            pause, parked = found.pauses.get(route), found.parked.get(route, 0)
            items.append(PausedItem(keys.stream, route, pause, parked, route in found.damaged))
    return items
