"""Retries by ARQ: failed messages wait as jobs, and a worker of ARQ brings them back into their stream.

``pip install arq``, then run the worker beside your processors: ``arq arq_retries.WorkerSettings``.
"""

from __future__ import annotations

import json
from typing import Any

from arq import Retry, func
from arq.connections import ArqRedis
from redis.exceptions import RedisError


class ArqRetryScheduler:
    """A ``RetrySchedulerProtocol``: give it to ``BotRedisDispatcher(ArqRetryScheduler(pool))``."""

    def __init__(self, pool: ArqRedis) -> None:
        self._pool = pool

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        """Enqueue a job that brings the payload back after ``delay`` seconds."""
        await self._pool.enqueue_job(
            "bring_back", stream_name, payload, _job_id=_job_id(payload), _defer_by=delay
        )


async def bring_back(ctx: dict[str, Any], stream_name: str, payload: dict[str, Any]) -> None:
    """The job: write the payload, with its reserved key, to the stream, for a stream with ``codec: json``."""
    entry = {"type": payload["type"], "data": json.dumps(payload)}
    try:
        await ctx["redis"].xadd(stream_name, entry)
    except RedisError as error:
        # A job that fails is gone, and the message with it: it is tried until it works.
        raise Retry(defer=5) from error


def _job_id(payload: dict[str, Any]) -> str | None:
    """The same retry twice is one job; a payload that does not know its id is a job of its own."""
    mark = json.loads(payload.get("_streamroute", "{}"))
    if not mark.get("id"):
        return None
    return f"{mark['id']}|{mark['group']}|{','.join(mark['routes'])}|{mark['attempt']}"


class WorkerSettings:
    """What ``arq arq_retries.WorkerSettings`` runs."""

    functions = (func(bring_back, max_tries=1_000_000),)
