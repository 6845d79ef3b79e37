"""Looks up one entry of a stream, without a group."""

from __future__ import annotations

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command


async def read_entry(redis: RedisConnection, stream: str, entry_id: str) -> dict[bytes, bytes] | None:
    """Return the fields of the entry with this id; None if it does not exist.

    Raises RedisUnavailableError, or SetupError if Redis refuses (an invalid id, a key that is not a stream).

    Source: https://redis.io/docs/latest/commands/xrange/
    """
    with translate_errors(redis, f"reading {stream}"):
        client = raw_client(redis.client, stream)
        rows = await send_command(client, "XRANGE", stream, entry_id, entry_id, "COUNT", 1)
    if not rows:
        return None
    parts = iter(rows[0][1])
    return dict(zip(parts, parts, strict=True))
