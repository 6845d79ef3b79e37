"""A job runs to its end, goes on after an outage, stops when it must, and is resumed where it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from consuming import eventually
from streamroute.adapters.jobs.held_job import HeldJob, JobLostError
from streamroute.adapters.jobs.job import Job, JobState
from streamroute.adapters.jobs.store import JobHeldError, JobStore
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import RedisUnavailableError, StreamrouteError
from streamroute.keys import GroupKeys
from streamroute.ops.jobs.control import find_job, jobs_of, stop_job, take_job
from streamroute.ops.jobs.runner import JobStep, run_job

KEYS, OTHER = GroupKeys.of("events", "tests"), GroupKeys.of("orders", "tests")


@pytest.fixture
def store(redis_client: Redis) -> JobStore:
    return JobStore(connection_of(redis_client), KEYS)


async def held_job(store: JobStore, job_id: str = "r-1") -> tuple[HeldJob, Job]:
    await store.create(Job(id=job_id, kind="replay"))
    return await take_job(store, job_id, "ann")


def silent(_job: Job, _note: str) -> None:
    """Show nothing."""


class Counting:
    """Work that counts to ``last``, and may fail before a step."""

    def __init__(self, last: int, *, errors: list[Exception] | None = None, stop: int = 0) -> None:
        self.last = last
        self.errors = errors or []
        self.stop = stop

    async def step(self, held: HeldJob, job: Job, most: int) -> JobStep:
        if self.errors:
            raise self.errors.pop()
        items = min(most, 3, self.last - job.count("looked_at"))
        stored = (await held.write(replace(job, counts=job.adding(looked_at=items)))).job
        reached = stored.count("looked_at")
        stop = "it is enough" if self.stop and reached >= self.stop else ""
        return JobStep(stored, items, is_last=reached == self.last, stop=stop)


class Endless:
    """Work that has nothing to do, and never ends."""

    steps = 0

    async def step(self, held: HeldJob, job: Job, most: int) -> JobStep:
        self.steps += 1
        return JobStep((await held.write(job)).job, is_idle=True)


async def test_a_job_runs_to_its_end(store: JobStore) -> None:
    seen: list[int] = []
    held, job = await held_job(store)
    ended = await run_job(held, job, Counting(7), lambda job, _: seen.append(job.count("looked_at")))
    assert (ended.state, ended.counts, ended.who) == (JobState.DONE, {"looked_at": 7}, "ann")
    assert seen == [3, 6, 7]
    stored = await store.find("r-1")
    assert stored is not None
    assert (stored.job, stored.status, stored.process) == (ended, "done", "")
    with pytest.raises(StreamrouteError, match="is done"):
        await take_job(store, "r-1", "ann")


async def test_a_step_is_repeated_after_an_outage(store: JobStore) -> None:
    notes: list[str] = []
    held, job = await held_job(store)
    work = Counting(3, errors=[RedisUnavailableError("Redis is away")])
    ended = await run_job(held, job, work, lambda _, note: notes.append(note))
    assert ended.state is JobState.DONE
    assert notes == ["waits for Redis: Redis is away", ""]


async def test_a_job_that_must_stop_says_why_and_is_resumed(store: JobStore) -> None:
    held, job = await held_job(store)
    ended = await run_job(held, job, Counting(9, stop=4), silent)
    assert (ended.state, ended.reason, ended.count("looked_at")) == (JobState.STOPPED, "it is enough", 6)
    held, job = await take_job(store, "r-1", "bob")
    ended = await run_job(held, job, Counting(9), silent)
    assert (ended.state, ended.reason, ended.counts) == (JobState.DONE, "", {"looked_at": 9})


async def test_a_job_whose_step_fails_is_stopped_with_the_reason(store: JobStore) -> None:
    held, job = await held_job(store)
    with pytest.raises(StreamrouteError, match="broken"):
        await run_job(held, job, Counting(9, errors=[StreamrouteError("broken")]), silent)
    stored = await store.find("r-1")
    assert stored is not None
    assert (stored.status, stored.job.reason) == ("stopped", "broken")


async def test_an_interrupted_job_can_be_resumed_at_once(store: JobStore) -> None:
    held, job = await held_job(store)
    work = Endless()
    running = asyncio.create_task(run_job(held, job, work, silent))
    await eventually(lambda: work.steps)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stored = await store.find("r-1")
    assert stored is not None
    assert (stored.status, stored.job.reason) == ("stopped", "interrupted")
    await take_job(store, "r-1", "bob")


async def test_another_process_stops_a_running_job(store: JobStore) -> None:
    held, job = await held_job(store)
    work = Endless()
    running = asyncio.create_task(run_job(held, job, work, silent))
    await eventually(lambda: work.steps)
    assert (await stop_job(store, "r-1", "bob")).status == "stopping"
    ended = await running
    assert (ended.state, ended.reason) == (JobState.STOPPED, "stopped by bob")
    with pytest.raises(StreamrouteError, match="is not running: it is stopped"):
        await stop_job(store, "r-1", "bob")


async def test_a_job_without_a_process_is_stopped_at_once(store: JobStore, redis_client: Redis) -> None:
    await held_job(store)
    await redis_client.hdel(KEYS.jobs, "r-1:runner")
    assert (await stop_job(store, "r-1", "bob")).status == "stopped"
    stored = await store.find("r-1")
    assert stored is not None
    assert (stored.status, stored.job.reason) == ("stopped", "stopped by bob")


async def test_a_process_that_was_replaced_ends(store: JobStore, redis_client: Redis) -> None:
    held, job = await held_job(store)
    await redis_client.hdel(KEYS.jobs, "r-1:runner")
    await take_job(store, "r-1", "bob")
    with pytest.raises(JobLostError):
        await run_job(held, job, Counting(9), silent)


async def test_the_lock_of_a_killed_process_is_waited_for(store: JobStore, redis_client: Redis) -> None:
    await held_job(store)

    async def sleep(_seconds: float) -> None:
        process, _, step = (await redis_client.hget(KEYS.jobs, "r-1:runner")).decode().split()  # type: ignore[union-attr]  # it is there
        await redis_client.hset(KEYS.jobs, "r-1:runner", f"{process} 1 {step}")

    waits: list[str] = []
    _, job = await take_job(store, "r-1", "bob", waits=lambda error: waits.append(str(error)), sleep=sleep)
    assert job.who == "bob"
    assert len(waits) == 1
    assert waits[0].startswith("the job r-1 is run by ")


async def test_a_process_that_renews_its_lock_keeps_its_job(store: JobStore) -> None:
    held, job = await held_job(store)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        await held.write(job)

    with pytest.raises(JobHeldError, match="is run by"):
        await take_job(store, "r-1", "bob", sleep=sleep)


async def test_jobs_of_several_streams_are_found(store: JobStore, redis_client: Redis) -> None:
    await held_job(store, "r-1")
    await JobStore(connection_of(redis_client), OTHER).create(Job(id="q-1", kind="retry"))
    connection, groups = connection_of(redis_client), [KEYS, OTHER]
    assert {stored.job.id for stored in (await jobs_of(connection, groups)).jobs} == {"r-1", "q-1"}
    assert [stored.job.id for stored in (await jobs_of(connection, groups, "retry")).jobs] == ["q-1"]
    found, stored = await find_job(connection, groups, "q-1")
    assert (found.keys, stored.stream) == (OTHER, "orders")
    with pytest.raises(StreamrouteError, match="q-1 is a retry, not a replay"):
        await find_job(connection, groups, "q-1", "replay")
    with pytest.raises(StreamrouteError, match="there is no job"):
        await find_job(connection, groups, "x-1")
