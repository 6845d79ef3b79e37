"""A consumer group prepared command by command, with the Lua scripts run on it directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM, eventually
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import Argument, script

ME, OTHER = "me", "other"


class Pending(NamedTuple):
    """A row of the pending entries list."""

    entry_id: str
    consumer: str
    deliveries: int


class Scripted:
    """The tests' group on a real server; ``client`` covers everything the methods do not."""

    def __init__(self, client: Redis) -> None:
        self.client: Any = client

    async def run(self, name: str, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run one script; decode bytes in its reply."""
        return _decoded(await script(name).run(raw_client(self.client, STREAM), keys, arguments))

    async def create_group(self, *streams: str, group: str = GROUP) -> None:
        """Create the group on these streams, by default on the tests' stream."""
        for stream in streams or (STREAM,):
            await self.client.xgroup_create(stream, group, id="0", mkstream=True)

    async def add(self, *ids: str, stream: str = STREAM, **fields: str) -> None:
        """Add entries with these ids."""
        for entry_id in ids:
            await self.client.xadd(stream, fields or {"n": entry_id}, id=entry_id)

    async def read(
        self, consumer: str = ME, count: int = 1000, *, stream: str = STREAM, group: str = GROUP
    ) -> None:
        """Have a consumer read new entries: their first delivery."""
        await self.client.xreadgroup(group, consumer, {stream: ">"}, count=count)

    async def hold(self, entry_id: str, consumer: str, deliveries: int, idle: int = 0, **where: str) -> None:
        """Have a consumer hold an entry at its n-th delivery, idle for ``idle`` ms."""
        stream, group = where.get("stream", STREAM), where.get("group", GROUP)
        since = {"idle": idle, "retrycount": deliveries}
        await self.client.xclaim(stream, group, consumer, 0, [entry_id], **since, force=True, justid=True)

    async def pending(self, stream: str = STREAM, group: str = GROUP) -> list[Pending]:
        """Return the pending entries."""
        rows = await self.client.xpending_range(stream, group, "-", "+", 10_000)
        return [
            Pending(row["message_id"].decode(), row["consumer"].decode(), row["times_delivered"])
            for row in rows
        ]

    async def idle(self, entry_id: str, stream: str = STREAM) -> int:
        """Return an entry's idle time in ms."""
        [row] = await self.client.xpending_range(stream, GROUP, entry_id, entry_id, 1)
        return int(row["time_since_delivered"])

    async def ids(self, stream: str = STREAM) -> list[str]:
        """Return the ids of a stream's entries."""
        return [entry_id.decode() for entry_id, _ in await self.client.xrange(stream)]

    async def entries(self, stream: str) -> list[dict[str, str]]:
        """Return the fields of a stream's entries."""
        return [_decoded(fields) for _, fields in await self.client.xrange(stream)]

    async def now(self) -> int:
        """Return the server's time in ms."""
        seconds, micros = await self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def schedule(self, **waits: int) -> None:
        """Schedule retries, each due in this many ms from now; the entry of ``a`` is ``entry a``."""
        now = await self.now()
        for name, wait in waits.items():
            await self.client.zadd(KEYS.due, {name: now + wait})
            await self.client.hset(KEYS.delayed, name, f"entry {name}")

    async def due(self, key: str = KEYS.due) -> dict[str, float]:
        """Return the due times of retries by name, in order."""
        return {name.decode(): score for name, score in await self.client.zrange(key, 0, -1, withscores=True)}

    async def hash(self, key: str) -> dict[str, str]:
        """Return a hash with all of its fields."""
        fields: dict[str, str] = _decoded(await self.client.hgetall(key))
        return fields

    async def gone_quiet(self, consumer: str, idle: int, stream: str = STREAM) -> None:
        """Wait until the consumer itself has been idle for this many ms."""

        async def is_quiet() -> bool:
            rows = await self.client.xinfo_consumers(stream, GROUP)
            return any(row["name"] == consumer.encode() and row["idle"] >= idle for row in rows)

        await eventually(is_quiet)


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    if isinstance(value, dict):
        return {_decoded(name): _decoded(one) for name, one in value.items()}
    return value
