"""Each chosen entry of a replay is queued once, whatever is lost and wherever its processes end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.jobs.store import JobStore
from streamroute.adapters.stream.publishers import connection_of
from streamroute.compiler.pipeline import check_path
from streamroute.errors import RedisUnavailableError
from streamroute.keys import GroupKeys
from streamroute.ops.replay.entry_choice import EntryChoice
from streamroute.ops.replay.plan import ReplayPlan
from streamroute.ops.replay.selection import ReplaySelection
from streamroute.ops.replay.start import create_replay
from streamroute.ops.replay.work import ReplayWork

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

    from streamroute.adapters.jobs.held_job import HeldJob, StepReply
    from streamroute.adapters.jobs.job import Job
    from streamroute.compiler.compiled import Compiled

KEYS = GroupKeys.of("events", "tests")
ROUTES = """
version: 1
redis: {url: embedded}
streams: {events: {group: tests}}
routes:
  - {name: odd, type: t, handler: jobs.ok, filter: odd}
"""
SELECTION = ReplaySelection(stream="events", routes=("odd",), start="0-1", end="999999-0")
ENTRIES = 120


class Unreliable:
    """A held job whose requests and replies are lost now and then."""

    def __init__(self, held: HeldJob, random: Random) -> None:
        self._held = held
        self._random = random

    async def write(self, job: Job, messages: Sequence[RetryRecord] = (), *, room: int = 0) -> StepReply:
        fate = self._random.random()
        if fate < 0.1:
            raise RedisUnavailableError("the request was lost")
        reply = await self._held.write(job, messages, room=room)
        if fate < 0.3 and not reply.is_full:
            self._held._step -= 1  # it has not seen the reply
            raise RedisUnavailableError("the reply was lost")
        return reply


@pytest.fixture
def compiled(tmp_path: Path) -> Compiled:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    compiled = check_path(tmp_path / "routes.yaml", unset="info", imports=False).compiled
    assert compiled is not None
    return compiled


@pytest.mark.parametrize("seed", range(8))
async def test_each_entry_is_queued_once(redis_client: Redis, compiled: Compiled, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a fault's time, not a secret
    async with redis_client.pipeline(transaction=False) as pipe:
        for at in range(1, ENTRIES + 1):
            pipe.xadd("events", {"type": "t", "data": f'{{"odd": {str(at % 2 == 1).lower()}}}'}, id=f"{at}-0")
        await pipe.execute()
    connection, store = connection_of(redis_client), JobStore(connection_of(redis_client), KEYS)
    held, job = await create_replay(connection, ReplayPlan(SELECTION, KEYS, 1), "ann", None, "night")
    queued: list[str] = []
    is_last = False
    while not is_last:
        work, process = (
            ReplayWork(connection, SELECTION, EntryChoice(compiled, SELECTION)),
            Unreliable(held, random),
        )
        while not is_last and random.random() > 0.05:
            try:
                step = await work.step(process, job, random.randint(1, 9))  # type: ignore[arg-type]  # a fake
                job, is_last = step.job, step.is_last
            except RedisUnavailableError:
                pass  # the runner calls again with the same job
            queued += await taken(redis_client)
        await redis_client.hset(KEYS.jobs, "night:runner", "gone 1 999")  # its process was killed
        held, job = await store.acquire("night")
    assert queued == [f"{at}-0" for at in range(1, ENTRIES + 1, 2)]
    assert job.counts == {"looked_at": ENTRIES, "queued": ENTRIES // 2, "not_chosen": ENTRIES // 2}


async def taken(client: Redis) -> list[str]:
    """Take what waits, as a worker does; return the ids of the entries."""
    rows: Any = await client.xrange(KEYS.retry)
    for row_id, _ in rows:
        await client.xdel(KEYS.retry, row_id)
    records = [RetryRecord.unpack(fields[b"entry"]) for _, fields in rows]
    assert all(record.replay == "night" for record in records)
    return [record.id for record in records]


async def test_large_entries_are_read_and_queued_a_few_at_a_time(
    redis_client: Redis, compiled: Compiled
) -> None:
    for at in range(1, 8):
        await redis_client.xadd(
            "events", {"type": "t", "data": '{"odd": true}', "x": "y" * 3_000_000}, id=f"{at}-0"
        )
    connection = connection_of(redis_client)
    held, job = await create_replay(connection, ReplayPlan(SELECTION, KEYS, 7), "ann", None, "night")
    work, sizes, is_last = ReplayWork(connection, SELECTION, EntryChoice(compiled, SELECTION)), [], False
    while not is_last:
        step = await work.step(held, replace(job), 100)
        job, is_last = step.job, step.is_last
        sizes.append(len(await taken(redis_client)))
    assert sum(sizes) == 7
    assert max(sizes) <= 2
