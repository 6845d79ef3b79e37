"""List what is paused, and where messages are parked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.pauses.store import GroupPauses, PauseStore
from streamroute.text.times import time_text

if TYPE_CHECKING:
    from streamroute.adapters.pauses.record import Pause
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

_AT_ONCE: Final = 10  # groups that are read at the same time


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

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        facts = pause_object(self.pause) or dict.fromkeys(("kind", "since", "until", "who", "reason"))
        if self.pause is None:
            facts["kind"] = "damaged" if self.is_damaged else "returning"
        parked = self.parked if self.route else None  # the messages of a paused stream are unread
        return {"stream": self.stream, "route": self.route or None, **facts, "parked": parked}


async def paused_items(redis: RedisConnection, groups: Iterable[GroupKeys]) -> list[PausedItem]:
    """Return what is paused in some groups, streams before routes.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    waiting, items = list(groups), []
    for start in range(0, len(waiting), _AT_ONCE):
        some = waiting[start : start + _AT_ONCE]
        found = await asyncio.gather(*(PauseStore(redis, keys).read() for keys in some))
        items += [item for keys, pauses in zip(some, found, strict=True) for item in _items(keys, pauses)]
    return items


def _items(keys: GroupKeys, found: GroupPauses) -> list[PausedItem]:
    return [
        PausedItem(
            keys.stream, route, found.pauses.get(route), found.parked.get(route, 0), route in found.damaged
        )
        for route in sorted({*found.pauses, *found.parked, *found.damaged})
    ]


def pause_object(pause: Pause | None) -> dict[str, Any] | None:
    """Return a pause as an object for JSON; times are ISO 8601, in UTC."""
    if pause is None:
        return None
    return {
        "kind": pause.kind,
        "since": time_text(pause.since / 1000),
        "until": None if pause.until is None else time_text(pause.until / 1000),
        "who": pause.who,
        "reason": pause.reason,
    }
