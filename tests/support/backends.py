"""One test interface to the in-memory storage and to a real server, so that one suite runs over both."""

from __future__ import annotations

from typing import Any, Protocol

from redis.asyncio import Redis

from consuming import GROUP, STREAM
from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.entry_pipeline import codec_pipeline
from streamroute.adapters.groups.generations import generations_of
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.publishers import connection_of
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.keys import GroupKeys
from streamroute.values import Lease

KEYS = GroupKeys.of(STREAM, GROUP)


class Backend(Protocol):
    """Shared data behind several storages, with methods to inspect and to corrupt it."""

    def storage(self, *, lease: float = 60.0, block: float = 0.05, codec: Codec | None = None) -> Any:
        """Return a worker's storage; all storages share the same data."""
        ...

    async def add(self, **fields: str) -> str:
        """Produce an entry."""
        ...

    async def pending(self) -> list[str]:
        """Return the ids pending in the group, including retries."""
        ...

    async def remains(self) -> bool:
        """Whether the group has work left, checked in one step because entries move between places."""
        ...

    async def dead(self) -> list[DeadRecord]:
        """Return the group's dead letters."""
        ...

    async def scheduled(self) -> list[str]:
        """Return the names of the scheduled retries."""
        ...

    async def keys_of_dedupe(self) -> list[str]:
        """Return the dedupe keys that are held or done."""
        ...

    async def generations(self) -> dict[str, str]:
        """Return the generation of each live consumer of the group."""
        ...

    async def delete(self, entry_id: str) -> None:
        """Delete an entry, pending or not."""
        ...

    async def wipe(self) -> None:
        """Delete all data."""
        ...

    async def destroy_group(self) -> None:
        """Delete the group, but not the stream."""
        ...

    async def forget_watermark(self) -> None:
        """Delete the group's watermark."""
        ...

    async def end_leases(self) -> None:
        """Expire all leases, so that every pending entry can be claimed."""
        ...

    async def refuse_dead_letters(self, refuse: bool) -> None:
        """Make dead-letter writes fail, or succeed again."""
        ...


class MemoryBackend:
    """One in-memory storage shared by all workers."""

    def __init__(self) -> None:
        self.memory = MemoryStreamStorage(block=0.05)

    def storage(self, *, lease: float = 60.0, block: float = 0.05, codec: Codec | None = None) -> Any:
        self.memory.lease, self.memory.block = Lease.of(lease), block
        if codec is not None:
            self.memory.use(codec_pipeline(codec))
        return self.memory

    async def add(self, **fields: str) -> str:
        return self.memory.add(STREAM, fields)

    async def pending(self) -> list[str]:
        return self.memory.pending(STREAM, GROUP)

    async def remains(self) -> bool:
        memory = self.memory
        return bool(
            memory.unread(STREAM, GROUP) or memory.pending(STREAM, GROUP) or memory.scheduled(STREAM, GROUP)
        )

    async def dead(self) -> list[DeadRecord]:
        return self.memory.dead_letters(STREAM, GROUP)

    async def scheduled(self) -> list[str]:
        return self.memory.scheduled(STREAM, GROUP)

    async def keys_of_dedupe(self) -> list[str]:
        return list(self.memory._server.dedupe._held)

    async def generations(self) -> dict[str, str]:
        return self.memory.generations(STREAM, GROUP)

    async def delete(self, entry_id: str) -> None:
        self.memory.delete(STREAM, entry_id)

    async def wipe(self) -> None:
        self.memory.clear()

    async def destroy_group(self) -> None:
        self.memory.destroy_group(STREAM, GROUP)

    async def forget_watermark(self) -> None:
        pass  # an in-memory group always starts anew

    async def end_leases(self) -> None:
        pass  # no lease applies except the claimer's own

    async def refuse_dead_letters(self, refuse: bool) -> None:
        self.memory.refuse = "there is no room" if refuse else None


class RedisBackend:
    """A real server; every worker has its own storage."""

    def __init__(self, client: Redis) -> None:
        self.client: Any = client

    def storage(self, *, lease: float = 60.0, block: float = 0.05, codec: Codec | None = None) -> Any:
        return RedisStreamStorage(self.client, lease=lease, block=block, codec=codec or "json")

    async def add(self, **fields: str) -> str:
        entry_id: bytes = await self.client.xadd(STREAM, fields)
        return entry_id.decode()

    async def pending(self) -> list[str]:
        return [*await self._pending(KEYS.stream), *await self._pending(KEYS.retry, "@retry")]

    async def remains(self) -> bool:
        keys = [KEYS.stream, KEYS.retry, KEYS.delayed]
        return bool(
            await script("groups/has_backlog").run(raw_client(self.client, STREAM), keys, [GROUP, "9" * 19])
        )

    async def dead(self) -> list[DeadRecord]:
        return [DeadRecord.read(fields) for _, fields in await self.client.xrange(KEYS.dead)]

    async def scheduled(self) -> list[str]:
        return [name.decode() for name in await self.client.zrange(KEYS.due, 0, -1)]

    async def keys_of_dedupe(self) -> list[str]:
        return [key.decode() for key in await self.client.keys(f"{KEYS.prefix}:dedupe:*")]

    async def generations(self) -> dict[str, str]:
        return await generations_of(connection_of(self.client), STREAM, GROUP)

    async def delete(self, entry_id: str) -> None:
        await self.client.xdel(STREAM, entry_id)

    async def wipe(self) -> None:
        await self.client.flushall()

    async def destroy_group(self) -> None:
        await self.client.xgroup_destroy(STREAM, GROUP)

    async def forget_watermark(self) -> None:
        await self.client.delete(KEYS.meta)

    async def end_leases(self) -> None:
        await self.client.delete(KEYS.workers)

    async def refuse_dead_letters(self, refuse: bool) -> None:
        await (self.client.set(KEYS.dead, "not a stream") if refuse else self.client.delete(KEYS.dead))

    async def _pending(self, key: str, suffix: str = "") -> list[str]:
        if not await self.client.exists(key):
            return []
        rows = await self.client.xpending_range(key, GROUP, "-", "+", 1000)
        return [row["message_id"].decode() + suffix for row in rows]


async def is_done(client: Any, group: str) -> bool:
    """Whether a group has read and acknowledged the whole stream (only Redis 7 and newer report its lag)."""
    newest = (await client.xinfo_stream(STREAM))["last-generated-id"]
    facts = {entry["name"]: entry for entry in await client.xinfo_groups(STREAM)}[group.encode()]
    return bool(facts["pending"] == 0 and facts["last-delivered-id"] == newest)
