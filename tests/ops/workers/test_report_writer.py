"""A worker's end of the pipe: it reports in time, and no supervisor blocks it."""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from servers import wait_until
from streamroute.core.observer import Result
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.report_writer import ReportSettings, reporting

if TYPE_CHECKING:
    from collections.abc import Callable

STATS = ProcessStats(0.0, {"s": 1}, {"s": 32})


class Pipe:
    """Both ends of a pipe."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self._seen = b""

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Return every report so far."""
        self.read()
        return [json.loads(line) for line in self._seen.split(b"\n")[:-1]]

    @property
    def rest(self) -> bytes:
        """Return the incomplete line at the end."""
        self.read()
        return self._seen.rpartition(b"\n")[2]

    def read(self) -> None:
        try:
            while piece := os.read(self.reading, 65536):
                self._seen += piece
        except BlockingIOError:
            return

    def fill(self) -> None:
        """Fill the pipe, so that further writes block."""
        while select.select([], [self.writing], [], 0)[1]:
            os.write(self.writing, b"\n" * 4096)


def threads() -> list[threading.Thread]:
    """Return the reporting threads."""
    return [thread for thread in threading.enumerate() if thread.name == "streamroute report"]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    for end in (made.reading, made.writing):
        os.close(end)


QUICK = ReportSettings(every=0.01, startup_wait=0.01, patience=0.01)
"""Settings for immediate reports and short waits."""


@contextmanager
def writing(
    pipe: Pipe, settings: ReportSettings | None = None, counters: Counters | None = None
) -> Iterator[Callable[[], None]]:
    with reporting(pipe.writing, counters or Counters({}), lambda: STATS, settings) as ready:
        yield ready


def test_each_stage_is_reported_before_the_next(pipe: Pipe) -> None:
    """A message may end the process immediately afterwards."""

    def stage() -> list[tuple[bool, bool]]:
        return [(report["ready"], report["ended"]) for report in pipe.reports]

    with writing(pipe) as ready:
        assert stage() == [(False, False)]
        ready()
        assert stage() == [(False, False), (True, False)]
    assert stage() == [(False, False), (True, False), (True, True)]


def test_a_worker_that_could_not_start_has_ended_and_was_not_ready(pipe: Pipe) -> None:
    with pytest.raises(OSError), writing(pipe):
        raise OSError("no right to do that")
    assert [(report["ready"], report["ended"]) for report in pipe.reports] == [(False, False), (False, True)]


def test_reports_are_written_while_the_worker_runs(pipe: Pipe) -> None:
    counters = Counters({})
    with writing(pipe, QUICK, counters):
        wait_until(lambda: len(pipe.reports) >= 3, "three reports")
        counters.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
        row = {"stream": "s", "route": "r", "counts": {"matched": 1, "succeeded": 1}}
        wait_until(lambda: pipe.reports[-1]["counts"]["routes"] == [row], "a report of the message")
        assert pipe.reports[-1]["stats"] == {
            "lag": 0.0,
            "running": {"s": 1},
            "concurrency": {"s": 32},
            "stuck": {},
            "stopped_canaries": {},
            "generation": "",
            "old_generations": {},
            "running_routes": {},
        }


def test_the_last_report_has_the_last_counts(pipe: Pipe) -> None:
    counters = Counters({})
    with writing(pipe, counters=counters):
        counters.observe(Message({}, stream="s"), "r", Result.DEAD)
    [row] = pipe.reports[-1]["counts"]["routes"]
    assert row["counts"]["dead"] == 1


def test_a_supervisor_that_does_not_read_holds_nothing_up(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    pipe.fill()
    with writing(pipe, QUICK) as ready:
        ready()
    wait_until(lambda: caplog.messages, "words about it")
    assert caplog.messages == ["could not report to the supervisor: it does not read the pipe"]


def test_reports_resume_when_the_supervisor_reads_again(pipe: Pipe) -> None:
    """The last report waits for it, for a while."""
    pipe.fill()
    with writing(pipe, ReportSettings(startup_wait=0.01, patience=3600.0)) as ready:
        ready()
        wait_until(lambda: b'"ready": true' in pipe.rest + pipe._seen, "a report")
    pipe._seen = pipe._seen.lstrip(b"\n")
    assert pipe.reports[-1]["ended"] is True


def test_nothing_is_reported_to_an_ended_supervisor(caplog: pytest.LogCaptureFixture) -> None:
    pipe = Pipe()
    with writing(pipe, QUICK) as ready:
        os.close(pipe.reading)
        ready()
        wait_until(lambda: not threads(), "the end of the reports")
    os.close(pipe.writing)
    assert caplog.messages == []


def test_a_closed_pipe_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """By a handler that closes all open files."""
    pipe = Pipe()
    with writing(pipe):
        os.close(pipe.writing)
    os.close(pipe.reading)
    assert caplog.messages == ["could not report to the supervisor: [Errno 9] Bad file descriptor"]


def test_an_overlong_report_is_sent_without_counts_and_logged_once(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters({})
    counters.observe(Message({}, stream="s" * 1000), "r", Result.SUCCEEDED)
    with writing(pipe, replace(QUICK, longest=1000), counters):
        wait_until(lambda: len(pipe.reports) >= 3, "three reports")
    assert not any("counts" in report for report in pipe.reports)
    assert pipe.reports[-1]["ended"]
    [reported] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert reported.message.startswith("the report to the supervisor has 1")


def test_processes_started_by_handlers_do_not_inherit_the_pipe(pipe: Pipe) -> None:
    os.set_inheritable(pipe.writing, True)
    with writing(pipe):
        assert not os.get_inheritable(pipe.writing)
