"""The example with ARQ: its scheduler in the place of ours, its worker beside our processors."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from backends import RedisBackend, is_done
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing_first
from repository import EXAMPLES
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.core.dispatcher import RetrySchedulerProtocol
from streamroute.values import RetryPolicy

arq = pytest.importorskip("arq", reason="arq is not installed: pip install arq")

EXAMPLE = EXAMPLES / "arq"
MARK = {"v": 1, "id": "7-0", "group": GROUP, "routes": ["thank"], "attempt": 2}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return importlib.import_module("arq_retries")


@pytest.fixture
async def pool(redis_client: Redis) -> AsyncIterator[Any]:
    async with arq.connections.ArqRedis(redis_client.connection_pool) as made:
        yield made


@asynccontextmanager
async def working(example: Any, pool: Any) -> AsyncIterator[None]:
    """ARQ's worker, in this loop."""
    worker = arq.Worker(
        example.WorkerSettings.functions, redis_pool=pool, poll_delay=0.01, handle_signals=False
    )
    running = worker.loop.create_task(worker.async_run())
    try:
        yield
    finally:
        running.cancel()
        await eventually(running.done)


async def test_the_scheduler_satisfies_the_protocol(example: Any, pool: Any) -> None:
    assert isinstance(example.ArqRetryScheduler(pool), RetrySchedulerProtocol)


async def test_the_failed_route_alone_runs_again_in_its_group_alone(example: Any, pool: Any) -> None:
    backend = RedisBackend(pool)
    good, bad, other = Handling("good"), Handling("bad", failing_first()), Handling("other")
    scheduler = example.ArqRetryScheduler(pool)
    ours = dispatcher_of(good, bad, retry_scheduler=scheduler, retry=RetryPolicy(delay=0))
    theirs = dispatcher_of(other)
    async with (
        working(example, pool),
        consuming(backend.storage(), ours.process_message),
        consuming(backend.storage(), theirs.process_message, group="mailing"),
    ):
        await pool.xadd(STREAM, JsonCodec().encode({"type": "booked", "guest": {"tier": "gold"}}))
        await eventually(lambda: len(bad.seen) == 2)
        await eventually(lambda: _all_done(pool))
    assert (len(good.seen), len(bad.seen), len(other.seen)) == (1, 2, 1)
    assert bad.seen[1] == {"type": "booked", "guest": {"tier": "gold"}}
    assert (bad.seen[1].attempt, bad.seen[1].id) == (2, bad.seen[0].id)


async def test_scheduling_a_retry_twice_creates_one_job(example: Any, pool: Any) -> None:
    scheduler = example.ArqRetryScheduler(pool)
    for mark in (MARK, MARK, {**MARK, "routes": ["bill"]}, {**MARK, "id": ""}, {**MARK, "id": ""}):
        await scheduler.schedule_retry(STREAM, {"type": "booked", "_streamroute": json.dumps(mark)}, delay=60)
    assert len(await pool.queued_jobs()) == 4


async def test_a_job_that_cannot_write_is_tried_again(example: Any) -> None:
    class Away:
        async def xadd(self, *words: Any) -> None:
            raise RedisConnectionError("away")

    with pytest.raises(arq.Retry):
        await example.bring_back({"redis": Away()}, STREAM, {"type": "booked"})


async def _all_done(pool: Any) -> bool:
    return all([await is_done(pool, group) for group in (GROUP, "mailing")])
