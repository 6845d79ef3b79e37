"""The supervisor's end of a pipe: the latest report, for any input and any kind of end."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from consuming import eventually
from streamroute.core.observer import Result
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.report import WorkerReport
from streamroute.ops.workers.report_pipe import ReportPipe

if TYPE_CHECKING:
    from streamroute.ops.metrics.route_counts import RouteCounts


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def line(times: int, *, ready: bool = True) -> bytes:
    """Return the report of a worker that has done this much."""
    counters = Counters({})
    for _ in range(times):
        counters.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
    return WorkerReport(ready=ready, counts=counters, stats=ProcessStats(0.0, {}, {})).to_line()


def row(pipe: ReportPipe) -> RouteCounts:
    """Return the worker's counts of its route."""
    assert pipe.report is not None
    assert pipe.report.counts is not None
    return pipe.report.counts.backlog["s", "r"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pipe(clock: Clock) -> AsyncIterator[ReportPipe]:
    made = ReportPipe(clock)
    yield made
    made.close()


async def test_the_latest_report_is_kept(pipe: ReportPipe) -> None:
    assert pipe.report is None
    end = pipe.writing
    os.write(end, line(1, ready=False))
    first = await eventually(lambda: pipe.report)
    assert not first.ready
    os.write(end, line(2) + line(3))
    await eventually(lambda: row(pipe)["succeeded"] == 3)


async def test_half_a_line_of_a_dead_worker_is_not_a_report(pipe: ReportPipe) -> None:
    end = pipe.writing
    os.write(end, line(2) + line(3)[:-1])
    pipe.read_all()
    assert row(pipe)["succeeded"] == 2


async def test_a_report_may_be_longer_than_a_pipe(pipe: ReportPipe) -> None:
    stream, routes = "s" * 100, tuple(f"r{n}" for n in range(3000))
    counters = Counters({stream: routes})
    for route in routes:
        counters.observe(Message({}, stream=stream), route, Result.SUCCEEDED)
    whole = WorkerReport(counts=counters, stats=ProcessStats(0.0, {}, {})).to_line()
    end = pipe.writing
    thread = threading.Thread(target=os.write, args=(end, whole))
    thread.start()
    await eventually(lambda: pipe.report)
    await asyncio.to_thread(thread.join)
    assert pipe.report is not None
    assert pipe.report.counts is not None
    assert len(pipe.report.counts.backlog) == 3000


async def test_an_unreadable_report_keeps_the_previous_one_and_is_logged_once(
    pipe: ReportPipe, caplog: pytest.LogCaptureFixture
) -> None:
    end = pipe.writing
    os.write(end, line(2))
    await eventually(lambda: pipe.report)
    for garbage in (b"a handler's print\n", b"[]\n"):
        os.write(end, garbage)
        pipe.read_all()
        assert row(pipe)["succeeded"] == 2
    os.write(end, line(3))
    await eventually(lambda: row(pipe)["succeeded"] == 3)
    [reported] = caplog.messages
    assert reported.startswith("could not read a worker's report: ")


async def test_a_report_without_counts_changes_no_count(pipe: ReportPipe) -> None:
    end = pipe.writing
    os.write(end, line(2, ready=False))
    await eventually(lambda: pipe.report)
    os.write(end, WorkerReport(ready=True, stats=ProcessStats(0.0, {}, {})).to_line())
    await eventually(lambda: pipe.report and pipe.report.ready)
    assert row(pipe)["succeeded"] == 2


async def test_silence_is_the_time_since_the_last_report(pipe: ReportPipe, clock: Clock) -> None:
    clock.now += 5
    assert pipe.silence == 5
    end = pipe.writing
    os.write(end, line(1))
    await eventually(lambda: pipe.report)
    assert pipe.silence == 0
    clock.now += 2
    assert pipe.silence == 2


async def test_a_closed_pipe_keeps_its_last_report_and_reads_no_more(clock: Clock) -> None:
    """The worker's children may keep its end open for any time."""
    pipe = ReportPipe(clock)
    end = os.dup(pipe.writing)
    os.write(end, line(4))
    pipe.close()
    assert row(pipe)["succeeded"] == 4
    with pytest.raises(BrokenPipeError):
        os.write(end, line(5))
    os.close(end)


async def test_no_descriptor_is_left_behind_or_inherited(clock: Clock) -> None:
    pipe = ReportPipe(clock)
    ends = (pipe._reading, pipe.writing)
    assert not any(os.get_inheritable(end) for end in ends)
    pipe.close()
    for end in ends:
        with pytest.raises(OSError):
            os.fstat(end)
    assert not asyncio.get_running_loop().remove_reader(ends[0])
