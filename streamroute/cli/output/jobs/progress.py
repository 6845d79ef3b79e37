"""The progress of a job on stderr: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from streamroute.adapters.jobs.job import JobState
from streamroute.cli.output.streams import bar_label, echo, printable, progress_bar

if TYPE_CHECKING:
    from streamroute.adapters.jobs.job import Job

_EVERY: Final = 5.0  # seconds between two lines

_WORDS: Final = {
    "queued": "queued",
    "not_chosen": "not chosen",
    "unreadable": "unreadable",
    "filter_failed": "filter failed",
    "retried": "retried",
    "refused": "refused",
    "failed_again": "failed again",
    "succeeded": "succeeded",
}
"""The counts of jobs, in the order in which they are shown."""


def counts_text(job: Job) -> str:
    """Return how far a job is, such as ``1,200 of about 5,000: 1,100 queued, 100 not chosen``.

    The total is an estimate until the job is done: then it is what the job has looked at.
    """
    looked_at = job.count("looked_at")
    if job.state is JobState.DONE:
        total = f" of {looked_at:,}"
    else:
        total = "" if job.total is None else f" of about {max(job.total, looked_at):,}"
    parts = [f"{job.count(name):,} {word}" for name, word in _WORDS.items() if job.count(name)]
    return f"{looked_at:,}{total}" + (f": {', '.join(parts)}" if parts else "")


@contextmanager
def job_progress(
    job: Job, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Job, str], None]]:
    """Show the progress of a job within the block; yields what to call after each step."""
    if sys.stderr.isatty():
        with progress_bar(job.id, job.total or 1) as bar:
            shown = 0

            def show(job: Job, note: str) -> None:
                nonlocal shown
                bar.label = bar_label(f"{job.id} {note}".strip())
                bar.length = max(job.total or 1, job.count("looked_at"), 1)
                bar.update(job.count("looked_at") - shown)
                shown = job.count("looked_at")

            yield show
    else:
        yield _Lines(clock)


class _Lines:
    """Writes a line every few seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = clock() + _EVERY

    def __call__(self, job: Job, note: str) -> None:
        if self._clock() < self._next:
            return
        self._next = self._clock() + _EVERY
        waits = f" ({printable(note)})" if note else ""
        echo(f"{job.id}: {counts_text(job)}{waits}", err=True)
