"""Parked messages whose names were deleted, on real servers: they return all the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from backends import KEYS
from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.pauses.lost_names import LostNames
from streamroute.adapters.pauses.sync import sync_pauses
from streamroute.keys import PauseKeys

if TYPE_CHECKING:
    from redis.asyncio import Redis

PAUSES = PauseKeys.of(KEYS)
NAMES = [parked_name("a", f"{n}-0", f"{n}-0|a|1") for n in range(1_200)]


async def test_every_name_that_is_missing_is_restored(redis_client: Redis) -> None:
    await redis_client.hset(PAUSES.parked_entries, mapping=dict.fromkeys(NAMES, "x" * 100))
    await redis_client.zadd(PAUSES.parked, dict.fromkeys(NAMES[::2], 0))
    names, restored = LostNames(PAUSES), 0
    for _ in range(10):
        restored += await names.restore(redis_client)
    assert restored == 600
    assert await redis_client.zrange(PAUSES.parked, 0, -1) == [name.encode() for name in NAMES]


async def test_what_is_missing_is_counted_with_the_pauses(redis_client: Redis) -> None:
    await redis_client.hset(PAUSES.parked_entries, mapping=dict.fromkeys(NAMES[:3], "x"))
    synced = await sync_pauses(redis_client, KEYS, Counter(), {}, [], [], keeps_order=False)
    assert synced.nameless == 3
    await LostNames(PAUSES).restore(redis_client)
    synced = await sync_pauses(redis_client, KEYS, Counter(), {}, [], [], keeps_order=False)
    assert (synced.nameless, await redis_client.xlen(KEYS.retry)) == (0, 3)
