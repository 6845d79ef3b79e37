"""Report pipe: the supervisor's end of the pipe into which one worker writes its reports.

Unlike a file, a pipe leaves nothing behind if its processes are killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from streamroute.ops.workers.latest_line import LatestLine
from streamroute.ops.workers.report import MAX_REPORT_BYTES, WorkerReport

log = logging.getLogger(__name__)

_CHUNK: Final = 65536  # bytes: the capacity of a pipe


class ReportPipe:
    """Keeps the latest line that the worker has written; it is parsed when ``report`` is read.

    ``writing`` is the descriptor for the worker. This process keeps its own copy open, so reading never
    reaches the end of the pipe. Create it in a running event loop, which does the reading; ``report`` and
    ``silence`` may be used from any thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._reading, self.writing = os.pipe()
        self._lines = LatestLine(MAX_REPORT_BYTES)
        self._last_read_at = clock()
        self._parsed: tuple[bytes | None, WorkerReport | None] = None, None
        self._has_warned = False
        os.set_blocking(self._reading, False)
        self._loop.add_reader(self._reading, self._read)

    @property
    def report(self) -> WorkerReport | None:
        """The latest report; None if there is none yet."""
        line, (parsed, report) = self._lines.line, self._parsed
        if line is not None and line is not parsed:
            report = self._read_report(line, report)
            self._parsed = line, report
        return report

    @property
    def silence(self) -> float:
        """Seconds since the worker last wrote anything."""
        return self._clock() - self._last_read_at

    def read_all(self) -> None:
        """Read everything that the worker has written so far."""
        while self._read():
            continue

    def close(self) -> None:
        """Read what is left, and close the pipe; ``report`` stays available."""
        self.read_all()
        self._loop.remove_reader(self._reading)
        for end in (self._reading, self.writing):
            os.close(end)

    def _read(self) -> bool:
        """Read once; return whether there may be more."""
        try:
            chunk = os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return False
        self._lines.feed(chunk)
        self._last_read_at = self._clock()
        return True

    def _read_report(self, line: bytes, before: WorkerReport | None) -> WorkerReport | None:
        """Return the report in a line, or ``before`` if invalid; missing counts come from ``before``."""
        try:
            report = WorkerReport.from_line(line)
        except ValueError as error:
            self._warn_once(error)
            return before
        if report.counts is None and before is not None:
            return replace(report, counts=before.counts)
        return report

    def _warn_once(self, error: ValueError) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("could not read a worker's report: %s", error)
