"""What the consumers of one process hold in a group: read when the process has died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_each
from streamroute.adapters.redis.replies import attributes, text
from streamroute.adapters.snapshots.worker_snapshot import DamagedSnapshotError, RunningEntry, WorkerSnapshot
from streamroute.keys import GroupKeys

_MAX_READ: Final = 200  # pending entries of one consumer


@dataclass(frozen=True, slots=True)
class HeldEntries:
    """The entries that one consumer holds in a stream or in its group's retry stream.

    ``ids`` are the oldest of ``count``; ``running`` those of them that the consumer's last snapshot, which is
    up to two seconds old, shows as running.
    """

    key: str
    count: int
    ids: Sequence[str]
    running: Sequence[RunningEntry] = ()


async def held_by(redis: RedisConnection, stream: str, group: str, name_start: str) -> list[HeldEntries]:
    """Return what the consumers whose names start with ``name_start`` hold, the stream itself first.

    Raises RedisUnavailableError if Redis cannot be reached, and SetupError if it refuses.

    Sources: https://redis.io/docs/latest/commands/xinfo-consumers/,
    https://redis.io/docs/latest/commands/xpending/
    """
    keys = GroupKeys.of(stream, group)
    found: list[HeldEntries] = []
    with translate_errors(redis, f"reading the consumers of {stream}"):
        client = raw_client(redis.client, stream)
        streams = (keys.stream, keys.retry)
        replies = await send_each(client, [("XINFO", "CONSUMERS", key, group) for key in streams])
        for key, reply in zip(streams, replies, strict=True):
            for name, count in _consumers(reply, name_start):
                found.append(await _held(client, keys, key, group, name, count))
    return found


def _consumers(reply: Any, name_start: str) -> list[tuple[str, int]]:
    """Return the matching consumers that hold entries; none of a stream that does not exist."""
    if isinstance(reply, Exception):
        return []
    facts = map(attributes, reply)
    held = [(text(each.get("name", "")), int(each.get("pending", 0))) for each in facts]
    return [(name, count) for name, count in held if count and name.startswith(name_start)]


async def _held(client: Any, keys: GroupKeys, key: str, group: str, consumer: str, count: int) -> HeldEntries:
    pending, packed = await send_each(
        client,
        [
            ("XPENDING", key, group, "-", "+", _MAX_READ, consumer),
            ("HGET", keys.stats, consumer),
        ],
    )
    ids = [] if isinstance(pending, Exception) else [text(row[0]) for row in pending]
    running = [entry for entry in _running(packed, is_retry=key != keys.stream) if entry.entry_id in ids]
    return HeldEntries(key, count, ids, running)


def _running(packed: Any, *, is_retry: bool) -> Sequence[RunningEntry]:
    """Return what the snapshot shows as running in one of the streams; nothing if there is none."""
    if type(packed) is not bytes:
        return ()
    try:
        running = WorkerSnapshot.unpack(packed).running
    except DamagedSnapshotError:
        return ()
    return [entry for entry in running if entry.is_retry == is_retry]
