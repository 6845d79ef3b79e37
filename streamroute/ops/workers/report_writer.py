"""Report writer: a worker's end of the pipe to its supervisor, with a thread of its own.

The thread reports even while the event loop is blocked. A supervisor that does not read blocks this thread
only: messages are processed, and the worker drains and ends.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.report import MAX_REPORT_BYTES, WorkerReport

log = logging.getLogger(__name__)

_POLL: Final = 100  # milliseconds between checks whether to give up on a full pipe


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Times in seconds, and bytes.

    The event loop waits at most ``startup_wait`` for a report, and the supervisor has ``patience`` to read
    the last one. A report of more than ``longest`` bytes is sent without its counts.
    """

    every: float = 1.0
    startup_wait: float = 0.25
    patience: float = 2.0
    longest: int = MAX_REPORT_BYTES


@contextmanager
def reporting(
    pipe: int,
    counters: Counters,
    stats: Callable[[], ProcessStats],
    settings: ReportSettings | None = None,
) -> Iterator[Callable[[], None]]:
    """Report to the supervisor every second, and once more on exit.

    ``pipe`` is the file descriptor inherited from the supervisor. Yields the function to call when all
    consumers have started, which is reported immediately.
    """
    writer = _ReportWriter(pipe, counters, stats, settings or ReportSettings())
    writer.start()
    try:
        yield writer.ready
    finally:
        writer.end()


class _ReportWriter:
    def __init__(
        self, pipe: int, counters: Counters, stats: Callable[[], ProcessStats], settings: ReportSettings
    ) -> None:
        self._pipe = pipe
        self._counters = counters
        self._stats = stats
        self._settings = settings
        self._is_ready = False
        self._ended_at: float | None = None
        self._has_warned = False
        self._changed = threading.Condition()
        self._requested = 1  # number of reports; the first one is due at once
        self._written = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="streamroute report", daemon=True)

    def start(self) -> None:
        """Write the first report: from now on, a process that ends without its last report has crashed."""
        os.set_inheritable(self._pipe, False)  # a process that a handler starts may outlive this one
        os.set_blocking(self._pipe, False)
        self._thread.start()
        self._wait(self._settings.startup_wait)

    def ready(self) -> None:
        """Report that all consumers have started."""
        self._is_ready = True
        self._request_report(self._settings.startup_wait)

    def end(self) -> None:
        """Write the last report, unless the supervisor does not read for too long."""
        self._ended_at = time.monotonic()
        self._request_report(self._settings.patience + 1.0)  # the thread gives up before that, and logs it

    def _request_report(self, timeout: float) -> None:
        with self._changed:
            self._requested += 1
            self._changed.notify_all()
        self._wait(timeout)

    def _wait(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._written >= self._requested or self._is_over, timeout)

    def _run(self) -> None:
        try:
            while self._write_next():
                with self._changed:
                    self._changed.wait_for(lambda: self._written < self._requested, self._settings.every)
        except BrokenPipeError:
            return  # the supervisor is gone; the lifeline takes care of that
        except OSError as error:
            log.warning("could not report to the supervisor: %s", error)
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _write_next(self) -> bool:
        """Write a report; return whether another one follows."""
        with self._changed:
            requested, ended = self._requested, self._ended_at is not None
        self._write(self._line(ended=ended))
        with self._changed:
            self._written = requested
            self._changed.notify_all()
        return not ended

    def _line(self, *, ended: bool) -> bytes:
        report = WorkerReport(ready=self._is_ready, ended=ended, counts=self._counters, stats=self._stats())
        line = report.to_line()
        if len(line) <= self._settings.longest:
            return line
        if not self._has_warned:
            self._has_warned = True
            log.warning("the report to the supervisor has %d bytes; sending it without counts", len(line))
        return replace(report, counts=None).to_line()

    def _write(self, line: bytes) -> None:
        """Write a line, waiting while the pipe is full.

        Raises TimeoutError when the worker has to end before the supervisor reads, BrokenPipeError when the
        supervisor is gone.
        """
        remaining = memoryview(line)
        poll = select.poll()
        poll.register(self._pipe, select.POLLOUT)
        while remaining:
            try:
                remaining = remaining[os.write(self._pipe, remaining) :]
            except BlockingIOError:
                if self._ended_at is not None and time.monotonic() > self._ended_at + self._settings.patience:
                    raise TimeoutError("it does not read the pipe") from None
                poll.poll(_POLL)
