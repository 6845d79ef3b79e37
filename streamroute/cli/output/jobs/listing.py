"""The list of jobs, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamroute.cli.output.jobs.progress import counts_text
from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import NOTHING, Column, Fit
from streamroute.text.times import time_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.adapters.jobs.store import StoredJob

_COLUMNS: Final = (
    Column("id", Fit.ID),
    Column("kind", Fit.NAME, rank=4),
    Column("stream", Fit.NAME, rank=3),
    Column("status"),
    Column("created", Fit.TIME, rank=5),
    Column("who", Fit.NAME, rank=2),
    Column("progress", Fit.TEXT),
    Column("reason", Fit.TEXT, rank=1),
)


def job_table(jobs: Sequence[StoredJob], layout: OutputLayout = PLAIN) -> str:
    """Return a table of jobs, one a line."""
    rows = [
        (
            *(stored.job.id, stored.job.kind, stored.stream, stored.status),
            time_text(stored.job.created / 1000),
            stored.job.who or NOTHING,
            counts_text(stored.job),
            stored.job.reason or NOTHING,
        )
        for stored in jobs
    ]
    return table(_COLUMNS, rows, layout)
