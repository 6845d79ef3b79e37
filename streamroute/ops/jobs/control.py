"""Finds the jobs of a configuration, takes one over, and stops one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamroute.adapters.jobs.job import Job, JobState
from streamroute.adapters.jobs.store import JobHeldError, JobList, JobStore, StoredJob
from streamroute.errors import StreamrouteError

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

_POLL: Final = 1.0  # seconds between two looks at a job that another process holds

Sleep = Callable[[float], Awaitable[None]]


async def jobs_of(redis: RedisConnection, groups: Iterable[GroupKeys], kind: str | None = None) -> JobList:
    """Return the jobs of some groups (of one kind), newest first.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    found, problems = [], []
    for keys in groups:
        listed = await JobStore(redis, keys).all()
        found += [stored for stored in listed.jobs if kind is None or stored.job.kind == kind]
        problems += listed.problems
    found.sort(key=lambda stored: stored.job.created, reverse=True)
    return JobList(found, problems)


async def find_job(
    redis: RedisConnection, groups: Iterable[GroupKeys], job_id: str, kind: str | None = None
) -> tuple[JobStore, StoredJob]:
    """Return the job of this id, and the store that has it.

    Raises StreamrouteError if there is none, or if it is of another kind.
    """
    for keys in groups:
        store = JobStore(redis, keys)
        stored = await store.find(job_id)
        if stored is None:
            continue
        if kind is not None and stored.job.kind != kind:
            raise StreamrouteError(f"{job_id} is a {stored.job.kind}, not a {kind}")
        return store, stored
    raise StreamrouteError(f'there is no job "{job_id}"; `streamroute jobs list` shows them')


async def take_job(
    store: JobStore,
    job_id: str,
    who: str,
    *,
    waits: Callable[[JobHeldError], None] = lambda _: None,
    sleep: Sleep = asyncio.sleep,
) -> tuple[HeldJob, Job]:
    """Take a job to run it, in the name of ``who``.

    If its process is gone without having given it up, waits for the end of its lock, some 15 seconds, and
    calls ``waits`` first. Raises JobHeldError if that process goes on, and StreamrouteError if the job is
    done.
    """
    until: float | None = None
    while True:
        try:
            held, job = await store.acquire(job_id)
        except JobHeldError as error:
            if until is not None and error.seconds > until + _POLL / 2:
                raise  # the process has renewed it
            if until is None:
                waits(error)
            until = error.seconds - _POLL
            await sleep(_POLL)
            continue
        if job.state is JobState.DONE:
            await held.release(job)
            raise StreamrouteError(f"the job {job_id} is done; it does not run twice")
        return held, replace(job, who=who)


async def stop_job(store: JobStore, job_id: str, who: str) -> StoredJob:
    """Stop a job: its process does so at its next step; without one, it is stopped at once.

    Returns the job as it is now. Raises StreamrouteError if it does not exist, or is not running.
    """
    stored = await store.find(job_id)
    if stored is None:
        raise StreamrouteError(f"{store.keys.stream} has no job {job_id}")
    if stored.job.state is not JobState.RUNNING:
        raise StreamrouteError(f"the job {job_id} is not running: it is {stored.status}")
    await store.request_stop(job_id, who)
    try:
        held, job = await store.acquire(job_id)
    except JobHeldError:
        return replace(stored, is_stopping=True)
    ended = replace(job, state=JobState.STOPPED, reason=f"stopped by {who}")
    await held.release(ended if job.state is JobState.RUNNING else job)
    return StoredJob(stored.stream, ended)
