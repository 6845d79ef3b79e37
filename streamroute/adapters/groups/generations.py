"""Which configuration each live worker of a group runs."""

from __future__ import annotations

from streamroute.adapters.groups.live_workers import live_workers
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_each
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.keys import GroupKeys


async def generations_of(redis: RedisConnection, stream: str, group: str) -> dict[str, str]:
    """Return the generation of each live consumer of a group, by the consumer's name.

    A consumer counts as alive for two leases after its last heartbeat. The generation is empty if it is
    unknown: a consumer without a configuration, or of an earlier release. Raises RedisUnavailableError if
    Redis cannot be reached, and SetupError if it refuses.
    """
    keys = GroupKeys.of(stream, group)
    commands = [("TIME",), ("HGETALL", keys.workers), ("HGETALL", keys.generations)]
    with translate_errors(redis, f"reading the generations of {stream}"):
        answers = await send_each(raw_client(redis.client, stream), commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
    now, workers, generations = answers
    recorded = attributes(generations)
    return {
        name: text(recorded.get(name, "")) for name in live_workers(attributes(workers), milliseconds(now))
    }
