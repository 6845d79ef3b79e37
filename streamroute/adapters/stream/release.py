"""Releases entries, so that another worker may claim them at once."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from streamroute.adapters.redis.scripts import script
from streamroute.keys import RELEASED
from streamroute.message import Message


async def release(
    client: Redis, key: str, group: str, consumer: str, messages: Iterable[Message], *, started: bool
) -> None:
    """Transfer messages that are pending in ``key`` to a consumer that no worker uses.

    The next claim of any worker takes them. If they have not ``started``, this delivery is not counted.

    Source: https://redis.io/docs/latest/commands/xclaim/
    """
    arguments: list[str | int] = [group, consumer, RELEASED]
    for message in messages:
        if message.pending_key == key:
            count = message.deliveries if started else message.deliveries - 1
            arguments += [message.entry_id, message.deliveries, count]
    if len(arguments) > 3:
        await script("release").run(client, [key], arguments)
