"""Which routes the live workers of a group have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.adapters.groups.live_workers import GroupWorkers
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys


async def routes_of_workers(redis: RedisConnection, keys: GroupKeys) -> frozenset[str] | None:
    """Return the routes of the live workers, former names included; None if no worker is alive.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    with translate_errors(redis, f"reading the workers of {keys.stream}"):
        view = await GroupWorkers(raw_client(redis.client, keys.stream), keys).view()
    return view.routes if view.leases else None
