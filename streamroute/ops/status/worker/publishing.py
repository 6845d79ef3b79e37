"""Publish the snapshots of a running app to Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamroute.adapters.snapshots.writer import SnapshotWriter
from streamroute.adapters.stream.leases.heartbeat import heartbeat_of
from streamroute.ops.status.worker.snapshot_source import ServiceSnapshots

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.ops.metrics.counters import Counters


@asynccontextmanager
async def publish_snapshots(redis: RedisConnection, app: App, counters: Counters) -> AsyncIterator[None]:
    """Write what the app does to Redis inside the block, and remove it on exit; see ``SnapshotWriter``."""
    writer = SnapshotWriter(ServiceSnapshots(app.all_services, counters))
    thread = heartbeat_of(redis.client)
    await thread.add(writer, redis.client)
    try:
        yield
    finally:
        await thread.remove(writer)
