"""Storages with the protocol's methods only, as third parties write them."""

from __future__ import annotations

import asyncio
from typing import Any

from consuming import STREAM

Entry = tuple[str, dict[str, Any]]


class PlainStorage:
    """A class without a base: create_group, read_events, ack_event; payloads are plain dicts."""

    def __init__(self, *payloads: dict[str, Any]) -> None:
        self.unread: list[Entry] = [(f"{n}-0", payload) for n, payload in enumerate(payloads, 1)]
        self.acked: list[str] = []
        self.groups: list[tuple[str, str]] = []
        self.reads = 0
        self.fail: dict[str, list[Exception]] = {}

    def add(self, payload: dict[str, Any]) -> None:
        """Produce an entry."""
        self.unread.append((f"{len(self.unread) + len(self.acked) + 100}-0", payload))

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Record the call."""
        self._maybe_fail("create_group")
        self.groups.append((stream_name, group_name))

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[Entry]:
        """Return the unread entries without waiting; empty if there are none."""
        await asyncio.sleep(0)
        self.reads += 1
        self._maybe_fail("read_events")
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Record the id."""
        assert stream_name == STREAM
        self._maybe_fail("ack_event")
        self.acked.append(message_id)

    def _maybe_fail(self, method: str) -> None:
        if self.fail.get(method):
            raise self.fail[method].pop(0)


class ClaimingStorage(PlainStorage):
    """A storage with claims, which return the entries that a test put into ``stale``."""

    def __init__(self, *payloads: dict[str, Any]) -> None:
        super().__init__(*payloads)
        self.stale: list[Entry] = []
        self.claims: list[tuple[str, int, int]] = []

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[Entry]:
        """Return the stale entries, once."""
        await asyncio.sleep(0)
        self.claims.append((consumer_name, min_idle_time, count))
        taken, self.stale = self.stale[:count], self.stale[count:]
        return taken
