"""Releases entries, so that another worker may claim them at once."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from streamroute.adapters.redis.scripts import script
from streamroute.delivery import Delivery
from streamroute.keys import RELEASED


async def release(
    client: Redis, key: str, group: str, consumer: str, deliveries: Iterable[Delivery], *, started: bool
) -> None:
    """Transfer entries that are pending in ``key`` to a consumer that no worker uses.

    The next claim of any worker takes them. If they have not ``started``, this delivery is not counted.

    Source: https://redis.io/docs/latest/commands/xclaim/
    """
    arguments: list[str | int] = [group, consumer, RELEASED]
    for delivery in deliveries:
        if delivery.pending_key == key:
            count = delivery.deliveries if started else delivery.deliveries - 1
            arguments += [delivery.entry_id, delivery.deliveries, count]
    if len(arguments) > 3:
        await script("leases/release").run(client, [key], arguments)
