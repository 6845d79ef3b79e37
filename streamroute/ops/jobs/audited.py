"""Runs a job with a record in the audit log when it starts and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.ops.jobs.runner import PacedWork, Progress, run_job

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.jobs.job import Job
    from streamroute.keys import GroupKeys
    from streamroute.ops.audit import Audit

ACTED: tuple[str, ...] = ("queued", "retried")
"""The counts of a job that say how many messages it acted on."""


async def run_audited(
    audit: Audit,
    keys: GroupKeys,
    held: HeldJob,
    job: Job,
    work: PacedWork,
    progress: Progress,
    *,
    target: str,
    reason: str = "",
) -> Job:
    """Run a job as ``run_job`` does; its records name the job, ``target``, and the messages acted on."""
    latest = job

    def note(current: Job, waits_for: str) -> None:
        nonlocal latest
        latest = current
        progress(current, waits_for)

    async with audit.action([keys], job.kind, f"{job.id}: {target}", reason=reason) as action:
        try:
            latest = await run_job(held, job, work, note)
            action.result = f"{latest.state.value}: {latest.reason}" if latest.reason else latest.state.value
        finally:
            action.count = sum(latest.count(name) for name in ACTED)
    return latest
