"""The list of jobs, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.cli.output.jobs.progress import counts_text
from streamroute.cli.output.table import table
from streamroute.text.times import time_text
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.adapters.jobs.store import StoredJob

_LONGEST_CELL = 60


def job_table(jobs: Sequence[StoredJob]) -> str:
    """Return a table of jobs, one a line."""
    rows = [
        (
            *(stored.job.id, stored.job.kind, stored.stream, stored.status),
            time_text(stored.job.created / 1000),
            _cell(stored.job.who),
            _cell(counts_text(stored.job)),
            _cell(stored.job.reason),
        )
        for stored in jobs
    ]
    return table(("id", "kind", "stream", "status", "created", "who", "progress", "reason"), rows)


def _cell(text: str) -> str:
    return ellipsize(text, _LONGEST_CELL) or "-"
