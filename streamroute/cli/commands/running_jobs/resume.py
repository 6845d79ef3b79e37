"""Resumes a job of any kind, in the foreground."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.commands.running_jobs.foreground import run_in_foreground
from streamroute.cli.commands.running_jobs.stream_codec import require_codec
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo
from streamroute.errors import StreamrouteError
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.adapters.jobs.job import Job
    from streamroute.adapters.jobs.store import JobHeldError
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.ops.jobs.runner import PacedWork


def resume_job(
    config: str | None,
    job_id: str,
    who: str | None,
    *,
    imports: bool,
    embedded: bool,
    output_format: str,
    kind: str | None = None,
    watch: bool = False,
) -> int:
    """Resume the job of this id (of this kind), and return the exit code of the command.

    ``watch``: a retry goes on until its messages have ended, even if it was not started so.
    """
    from streamroute.cli.arguments.config import load_or_exit

    set_up_logging("text", "warning")
    loaded = load_or_exit(config_path(config), imports=imports)

    async def run() -> int:
        from streamroute.ops.audit import actor, group_keys
        from streamroute.ops.jobs.control import find_job, take_job

        async with open_server(loaded.document, embedded=embedded, create=False) as redis:
            store, stored = await find_job(redis, group_keys(loaded.document), job_id, kind)
            resumed = _watched(stored.job) if watch else stored.job
            work, target = work_of(redis, loaded, resumed, stored.stream)
            held, job = await take_job(store, job_id, actor(who), waits=_say_wait)
            return await run_in_foreground(
                *(redis, store.keys, held, job, work),
                target=target,
                reason="resumed",
                output_format=output_format,
            )

    return asyncio.run(run())


def _watched(job: Job) -> Job:
    return replace(job, selection={**job.selection, "watch": True})


def _say_wait(error: JobHeldError) -> None:
    echo(f"{error}; waits up to {error.seconds:.0f}s for the end of its lock", err=True)


def work_of(redis: RedisConnection, loaded: UsableConfig, job: Job, stream: str) -> tuple[PacedWork, str]:
    """Return the work of a stored job, and its selection in words.

    Raises StreamrouteError if its kind is unknown, its selection damaged, or its routes not served any more.
    """
    from streamroute.ops.paced_retry.selection import KIND as RETRY
    from streamroute.ops.replay.selection import KIND as REPLAY

    if job.kind == REPLAY:
        return _replay(redis, loaded, job, stream)
    if job.kind == RETRY:
        return _retry(redis, loaded, job, stream)
    raise StreamrouteError(f'this release cannot resume the job {job.id}: it is a "{job.kind}"')


def _retry(redis: RedisConnection, loaded: UsableConfig, job: Job, stream: str) -> tuple[PacedWork, str]:
    from streamroute.ops.audit import group_keys
    from streamroute.ops.dead_letters.payloads import LetterPayloads, PayloadCondition
    from streamroute.ops.paced_retry.selection import LetterSelection
    from streamroute.ops.paced_retry.work import PacedRetry

    if job.selection.get("where") is not None:
        for name in loaded.document.streams:
            require_codec(loaded, name)

    def condition(expression: str, /, *, redacted: bool) -> PayloadCondition:
        return PayloadCondition(
            expression, LetterPayloads(loaded.document, loaded.compiled.codecs), redacted=redacted
        )

    selection = LetterSelection.of(job, condition)
    [keys] = group_keys(loaded.document, [stream])
    return PacedRetry(redis, loaded.document, keys, selection), selection.text


def _replay(redis: RedisConnection, loaded: UsableConfig, job: Job, stream: str) -> tuple[PacedWork, str]:
    from streamroute.ops.replay.entry_choice import EntryChoice
    from streamroute.ops.replay.plan import require_routes
    from streamroute.ops.replay.selection import ReplaySelection
    from streamroute.ops.replay.work import ReplayWork

    selection = ReplaySelection.of(job, stream)
    require_routes(loaded.document, selection)
    require_codec(loaded, stream)
    return ReplayWork(redis, selection, EntryChoice(loaded.compiled, selection)), selection.text
