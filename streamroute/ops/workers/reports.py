"""Worker reports: the counts and stats of all workers of a supervisor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.report_pipe import ReportPipe

_SILENT: Final = 3.0  # seconds without a report after which a worker counts as stopped


class WorkerReports:
    """Adds up the reports of all workers; ``counts`` and ``stats`` may be called from any thread.

    ``ended`` holds the counts of workers that have ended.
    """

    def __init__(self, ended: Counters) -> None:
        self.ended = ended
        self._pipes: list[ReportPipe] = []
        self._was_ready = False
        self._lock = threading.Lock()

    @contextmanager
    def pipe(self) -> Iterator[ReportPipe]:
        """Yield a pipe for one worker, which must end before the block; then add its counts to ``ended``."""
        pipe = ReportPipe()
        with self._lock:
            self._pipes.append(pipe)
        try:
            yield pipe
        finally:
            self._end(pipe)

    @property
    def has_been_ready(self) -> bool:
        """Whether any worker has ever been ready; call it in the event loop."""
        for pipe in self._pipes:
            pipe.read_all()
        return self._was_ready or any(_is_ready(pipe) for pipe in self._pipes)

    def counts(self) -> Counters:
        """Return the counts of all workers, including those that have ended."""
        total = Counters(self.ended.routes)
        with self._lock:
            total.add(self.ended)
            pipes = self._pipes.copy()
        for pipe in pipes:
            _add(total, pipe)
        return total

    def stats(self) -> list[ProcessStats]:
        """Return the stats of each ready worker; the lag of one that stopped reporting grows."""
        with self._lock:
            pipes = self._pipes.copy()
        return [_stats(pipe) for pipe in pipes if _is_ready(pipe)]

    def _end(self, pipe: ReportPipe) -> None:
        pipe.close()
        with self._lock:
            self._pipes.remove(pipe)
            _add(self.ended, pipe)
            self._was_ready = self._was_ready or _is_ready(pipe)


def _add(total: Counters, pipe: ReportPipe) -> None:
    if pipe.report is not None and pipe.report.counts is not None:
        total.add(pipe.report.counts)


def _is_ready(pipe: ReportPipe) -> bool:
    return pipe.report is not None and pipe.report.ready


def _stats(pipe: ReportPipe) -> ProcessStats:
    stats = ProcessStats(0.0, {}, {}) if pipe.report is None else pipe.report.stats
    if pipe.silence < _SILENT:
        return stats
    return replace(stats, lag=max(stats.lag, pipe.silence))
