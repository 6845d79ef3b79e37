"""Runs a job until it ends, with its progress, its audit records, and how to resume it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamroute.cli.output.jobs.progress import counts_text, job_progress
from streamroute.cli.output.streams import echo, printable, write_json
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.errors import RedisUnavailableError
from streamroute.ops.jobs.job_object import job_object

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.jobs.job import Job
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys
    from streamroute.ops.jobs.runner import PacedWork


async def run_in_foreground(
    redis: RedisConnection,
    keys: GroupKeys,
    held: HeldJob,
    job: Job,
    work: PacedWork,
    *,
    target: str,
    reason: str,
    output_format: str,
) -> int:
    """Run a job; returns FOUND if it stopped before its end. ``target`` describes it in the audit log."""
    from streamroute.ops.audit import Audit
    from streamroute.ops.jobs.audited import run_audited

    resume = f"streamroute jobs resume {job.id}"
    with job_progress(job) as progress:
        try:
            audit = Audit(redis, job.who)
            ended = await run_audited(audit, keys, held, job, work, progress, target=target, reason=reason)
        except (asyncio.CancelledError, RedisUnavailableError):
            echo(f"{job.id} is interrupted; to go on: {resume}", err=True)
            raise
    if output_format == "json":
        write_json(job_object(ended, keys.stream, ended.state.value))
    else:
        why = f": {printable(ended.reason)}" if ended.reason else ""
        echo(f"{job.id} {ended.state.value}{why}\n{counts_text(ended)}")
    if ended.reason:
        echo(f"to go on: {resume}", err=True)
    return ExitCode.FOUND if ended.reason else ExitCode.OK
