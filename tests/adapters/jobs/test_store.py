"""Jobs on servers: one process runs a job, and each of its steps applies once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.jobs.held_job import HeldJob, JobLostError, JobStopError
from streamroute.adapters.jobs.job import Job, JobState
from streamroute.adapters.jobs.store import JobHeldError, JobStore
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import SetupError, StreamrouteError
from streamroute.keys import GroupKeys

KEYS = GroupKeys.of("events", "tests")
JOB = Job(id="r-1", kind="replay", who="ann", selection={"routes": ["a"]})
RECORDS = [RetryRecord(f"{at}-0", frozenset("a"), 1, {b"type": b"t"}, replay="r-1") for at in range(1, 4)]


@pytest.fixture
def store(redis_client: Redis) -> JobStore:
    return JobStore(connection_of(redis_client), KEYS)


async def created(store: JobStore) -> Job:
    job = await store.create(JOB)
    assert job is not None
    return job


async def acquired(store: JobStore) -> tuple[HeldJob, Job]:
    await created(store)
    return await store.acquire("r-1")


async def expire(client: Redis, job_id: str = "r-1") -> None:
    """End the lock of a job, as if its process were gone for long."""
    runner: Any = await client.hget(KEYS.jobs, f"{job_id}:runner")
    process, _, step = runner.decode().split()
    await client.hset(KEYS.jobs, f"{job_id}:runner", f"{process} 1 {step}")


async def test_an_id_is_used_once(store: JobStore) -> None:
    assert (await created(store)).created > 1_600_000_000_000
    assert await store.create(JOB) is None
    assert [stored.job.id for stored in (await store.all()).jobs] == ["r-1"]


async def test_one_process_runs_a_job(store: JobStore) -> None:
    held, job = await acquired(store)
    with pytest.raises(JobHeldError, match="is run by ") as error:
        await store.acquire("r-1")
    assert 0 < error.value.seconds <= 15
    await held.release(replace(job, state=JobState.STOPPED))
    _, job = await store.acquire("r-1")
    assert job.state is JobState.STOPPED


async def test_a_step_adds_its_messages_and_stores_the_job(store: JobStore, redis_client: Redis) -> None:
    held, job = await acquired(store)
    reply = await held.write(replace(job, cursor="3-0"), RECORDS)
    assert reply.waiting == 3
    rows: Any = await redis_client.xrange(KEYS.retry)
    assert [fields[b"name"] for _, fields in rows] == [record.name.encode() for record in RECORDS]
    assert RetryRecord.unpack(rows[0][1][b"entry"]) == RECORDS[0]
    stored = await store.find("r-1")
    assert stored is not None
    assert (stored.job.cursor, stored.status) == ("3-0", "running")


async def test_a_step_that_is_sent_again_applies_once(store: JobStore, redis_client: Redis) -> None:
    """Its reply was lost, and the page that is read again may differ: what was stored counts."""
    held, job = await acquired(store)
    await held.write(replace(job, cursor="3-0"), RECORDS)
    held._step -= 1
    reply = await held.write(replace(job, cursor="9-0"), RECORDS)
    assert reply.job.cursor == "3-0"
    assert await redis_client.xlen(KEYS.retry) == 3
    reply = await held.write(replace(reply.job, cursor="4-0"))
    assert reply.job.cursor == "4-0"


async def test_a_process_whose_job_was_taken_over_changes_nothing(
    store: JobStore, redis_client: Redis
) -> None:
    held, job = await acquired(store)
    await expire(redis_client)
    again, _ = await store.acquire("r-1")
    with pytest.raises(JobLostError):
        await held.write(replace(job, cursor="3-0"), RECORDS)
    await held.release(replace(job, cursor="3-0"))
    assert await redis_client.xlen(KEYS.retry) == 0
    assert (await again.write(job, RECORDS)).waiting == 3


async def test_a_process_that_was_suspended_goes_on_if_nobody_took_its_job(
    store: JobStore, redis_client: Redis
) -> None:
    held, job = await acquired(store)
    await expire(redis_client)
    assert (await store.all()).jobs[0].status == "interrupted"
    await held.write(job, RECORDS)
    assert (await store.all()).jobs[0].status == "running"


async def test_no_more_messages_wait_than_there_is_room(store: JobStore, redis_client: Redis) -> None:
    held, job = await acquired(store)
    await held.write(job, RECORDS[:2], room=3)
    reply = await held.write(replace(job, cursor="9-0"), RECORDS, room=3)
    assert (reply.is_full, reply.waiting) == (True, 2)
    assert await redis_client.xlen(KEYS.retry) == 2
    assert (await held.write(job, RECORDS[:1], room=3)).waiting == 3


async def test_a_job_stops_at_its_next_step(store: JobStore, redis_client: Redis) -> None:
    held, job = await acquired(store)
    await store.request_stop("r-1", "bob")
    assert (await store.all()).jobs[0].status == "stopping"
    with pytest.raises(JobStopError, match="stopped by bob"):
        await held.write(job, RECORDS)
    assert await redis_client.xlen(KEYS.retry) == 0
    await held.release(replace(job, state=JobState.STOPPED))
    assert await redis_client.hkeys(KEYS.jobs) == [b"r-1"]
    again, job = await store.acquire("r-1")
    await again.write(job, RECORDS)


async def test_a_value_of_another_program_is_named_and_ignored(store: JobStore, redis_client: Redis) -> None:
    await created(store)
    await redis_client.hset(KEYS.jobs, mapping={"x": b"\xff\x00", "y": "{}", "r-1:runner": "noise"})
    listed = await store.all()
    assert [stored.job.id for stored in listed.jobs] == ["r-1"]
    assert len(listed.problems) == 2
    with pytest.raises(StreamrouteError, match="the job y"):
        await store.find("y")


async def test_a_key_of_another_type_is_an_error(store: JobStore, redis_client: Redis) -> None:
    await redis_client.set(KEYS.jobs, "mine")
    for call in (store.all(), store.create(JOB), store.acquire("r-1")):
        with pytest.raises(SetupError, match="WRONGTYPE"):
            await call


async def test_a_retry_stream_of_another_type_leaves_the_job_where_it_is(
    store: JobStore, redis_client: Redis
) -> None:
    held, job = await acquired(store)
    await redis_client.set(KEYS.retry, "mine")
    with pytest.raises(SetupError, match="WRONGTYPE"):
        await held.write(replace(job, cursor="3-0"), RECORDS)
    stored = await store.find("r-1")
    assert stored is not None
    assert stored.job.cursor == ""


async def test_the_oldest_jobs_that_are_done_are_forgotten(store: JobStore, redis_client: Redis) -> None:
    done = [replace(JOB, id=f"d-{at}", created=at, state=JobState.DONE) for at in range(600)]
    await redis_client.hset(KEYS.jobs, mapping={job.id: job.pack() for job in done})
    await created(store)
    kept = {stored.job.id for stored in (await store.all()).jobs}
    assert len(kept) == 500
    assert {"r-1", "d-599"} <= kept
    assert "d-0" not in kept


async def test_too_many_unfinished_jobs_are_refused(store: JobStore, redis_client: Redis) -> None:
    jobs = [replace(JOB, id=f"u-{at}", state=JobState.STOPPED) for at in range(1_000)]
    await redis_client.hset(KEYS.jobs, mapping={job.id: job.pack() for job in jobs})
    with pytest.raises(StreamrouteError, match=re.escape("1000 jobs that are not done")):
        await store.create(JOB)


async def test_a_job_whose_last_step_was_interrupted_is_given_up_where_that_step_left_it(
    store: JobStore, redis_client: Redis
) -> None:
    """A step may apply although nobody reads its reply: its cursor is kept, and its messages stay once."""
    held, job = await acquired(store)
    other = HeldJob(store._redis, KEYS, held._process, held._step)  # sends the step whose reply is lost
    await other.write(replace(job, cursor="3-0"), RECORDS)
    await held.release(replace(job, state=JobState.STOPPED, reason="interrupted"))
    stored = await store.find("r-1")
    assert stored is not None
    assert (stored.status, stored.job.reason, stored.job.cursor) == ("stopped", "interrupted", "3-0")
    assert await redis_client.xlen(KEYS.retry) == len(RECORDS)
    await store.acquire("r-1")
