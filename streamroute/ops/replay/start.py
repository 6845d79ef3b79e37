"""Starts a replay: creates its job, and takes it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from streamroute.adapters.jobs.job import Job
from streamroute.adapters.jobs.store import JobStore
from streamroute.errors import StreamrouteError
from streamroute.ops.replay.selection import KIND

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.replay.plan import ReplayPlan


async def create_replay(
    redis: RedisConnection, plan: ReplayPlan, who: str, rate: float | None, replay_id: str | None = None
) -> tuple[HeldJob, Job]:
    """Store a replay as a job, and take it.

    Raises StreamrouteError if there is a job of this id: a replay runs once for each id. Raises
    RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    job = Job(
        id=replay_id or f"{KIND}-{secrets.token_hex(4)}",
        kind=KIND,
        who=who,
        rate=rate,
        selection=plan.selection.pack(),
        total=plan.total,
    )
    store = JobStore(redis, plan.keys)
    if await store.create(job) is None:
        stored = await store.find(job.id)
        status = "exists" if stored is None else f"is {stored.status}"
        raise StreamrouteError(f'the replay "{job.id}" {status}; resume it, or use another --id')
    return await store.acquire(job.id)
