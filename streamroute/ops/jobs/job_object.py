"""A job as an object for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.text.times import time_text

if TYPE_CHECKING:
    from streamroute.adapters.jobs.job import Job
    from streamroute.adapters.jobs.store import StoredJob


def job_object(job: Job, stream: str, status: str, process: str = "") -> dict[str, Any]:
    """Return a job with its state, as ``jobs list`` and the commands that run one print it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "stream": stream,
        "status": status,
        "reason": job.reason,
        "who": job.who,
        "created": time_text(job.created / 1000),
        "rate": job.rate,
        "selection": dict(job.selection),
        "cursor": job.cursor,
        "total": job.total,
        "counts": dict(job.counts),
        "process": process,
    }


def stored_object(stored: StoredJob) -> dict[str, Any]:
    """Return a job of a list."""
    return job_object(stored.job, stored.stream, stored.status, stored.process)
