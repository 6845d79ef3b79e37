"""Releasing entries: another worker may claim them at once."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from streamroute.adapters.redis.scripts import script
from streamroute.keys import RELEASED
from streamroute.message import Message


async def release(
    client: Redis, key: str, group: str, consumer: str, messages: Iterable[Message], *, started: bool
) -> None:
    """Transfer messages that are pending in ``key`` to a consumer that no worker has.

    The next claim of any worker takes them. A message that was not ``started`` gets its delivery count back.

    Source: https://redis.io/docs/latest/commands/xclaim/
    """
    arguments: list[str | int] = [group, consumer, RELEASED]
    for message in messages:
        if message.pending_key == key:
            count = message.deliveries if started else message.deliveries - 1
            arguments += [message.entry_id, message.deliveries, count]
    if len(arguments) > 3:
        await script("release").run(client, [key], arguments)
