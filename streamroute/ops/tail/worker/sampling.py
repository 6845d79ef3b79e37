"""Sample the outcomes of a running app while somebody watches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamroute.adapters.live.outcome_writer import OutcomeWriter
from streamroute.adapters.stream.leases.heartbeat import heartbeat_of
from streamroute.ops.tail.worker.sampler import OutcomeSampler

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App


@asynccontextmanager
async def sample_outcomes(redis: RedisConnection, app: App) -> AsyncIterator[None]:
    """Send outcomes to those who watch, inside the block; see ``OutcomeWriter``."""
    writer = OutcomeWriter(OutcomeSampler(app.observing, app.all_services))
    thread = heartbeat_of(redis.client)
    await thread.add(writer, redis.client)
    try:
        yield
    finally:
        await thread.remove(writer)
