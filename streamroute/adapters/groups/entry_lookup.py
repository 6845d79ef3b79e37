"""Looks up entries of a stream by their ids, without a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command, send_each


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


async def read_entries(
    redis: RedisConnection, stream: str, entry_ids: Sequence[str]
) -> Mapping[str, Sequence[bytes]]:
    """Return the fields (alternating names and values) of the entries that exist, by id.

    One round trip; an id that is none is not found. Raises RedisUnavailableError if Redis cannot be reached.
    """
    commands = [("XRANGE", stream, entry_id, entry_id, "COUNT", 1) for entry_id in entry_ids]
    if not commands:
        return {}
    with translate_errors(redis, f"reading {stream}"):
        answers = await send_each(raw_client(redis.client, stream), commands)
    found = {}
    for entry_id, rows in zip(entry_ids, answers, strict=True):
        if rows and not isinstance(rows, Exception) and rows[0][1]:
            found[entry_id] = rows[0][1]
    return found
