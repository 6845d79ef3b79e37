"""Reports of workers: added up while they run, and kept when they have ended."""

from __future__ import annotations

import os

import pytest

from consuming import eventually
from streamroute.core.observer import Result
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.report import WorkerReport
from streamroute.ops.workers.report_pipe import ReportPipe
from streamroute.ops.workers.reports import WorkerReports

ROUTES = {"s": ("r",)}
STATS = ProcessStats(0.0, {"s": 1}, {"s": 32})


def say(pipe: ReportPipe, times: int, *, ready: bool = True) -> None:
    """Write a worker's report that it has done this much."""
    counters = Counters(ROUTES)
    for _ in range(times):
        counters.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
    os.write(pipe.writing, WorkerReport(ready=ready, counts=counters, stats=STATS).to_line())


def succeeded(reports: WorkerReports) -> int:
    return reports.counts().route_counts("s", "r")["succeeded"]


async def test_running_workers_and_those_that_ended_are_one_count() -> None:
    reports = WorkerReports(Counters(ROUTES))
    with reports.pipe() as first:
        with reports.pipe() as second:
            say(first, 2)
            say(second, 3)
            await eventually(lambda: succeeded(reports) == 5)
            assert reports.stats() == [STATS, STATS]
            assert reports.ended.backlog == {}
            say(second, 4)
        assert succeeded(reports) == 6
        assert reports.ended.backlog["s", "r"]["succeeded"] == 4
        assert reports.stats() == [STATS]
    assert succeeded(reports) == 6
    assert reports.stats() == []


async def test_the_counts_of_all_workers_have_the_routes_of_the_configuration() -> None:
    assert WorkerReports(Counters(ROUTES)).counts().routes == ROUTES


async def test_a_worker_that_died_before_its_first_report_counts_nothing() -> None:
    reports = WorkerReports(Counters(ROUTES))
    with reports.pipe():
        assert (succeeded(reports), reports.stats()) == (0, [])
    assert (succeeded(reports), reports.stats()) == (0, [])
    assert not reports.has_been_ready


async def test_a_worker_that_is_starting_runs_no_handlers_yet() -> None:
    reports = WorkerReports(Counters(ROUTES))
    with reports.pipe() as pipe:
        say(pipe, 1, ready=False)
        await eventually(lambda: succeeded(reports) == 1)
        assert reports.stats() == []
        assert not reports.has_been_ready


async def test_a_worker_that_was_ready_is_remembered() -> None:
    """A worker's latest report is known at once, and stays known after its end."""
    reports = WorkerReports(Counters(ROUTES))
    with reports.pipe() as pipe:
        say(pipe, 0)
        assert reports.has_been_ready
    assert reports.has_been_ready
    with reports.pipe():
        assert reports.has_been_ready


async def test_a_ready_worker_that_ended_unnoticed_is_remembered() -> None:
    reports = WorkerReports(Counters(ROUTES))
    with reports.pipe() as pipe:
        say(pipe, 7)
    assert reports.has_been_ready
    assert succeeded(reports) == 7


async def test_the_lag_of_a_silent_worker_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped, or swapped out: its last report is outdated."""
    reports = WorkerReports(Counters(ROUTES))
    with reports.pipe() as pipe:
        say(pipe, 1)
        await eventually(reports.stats)
        assert reports.stats()[0].lag == 0
        pipe._last_read_at -= 60
        [stats] = reports.stats()
        assert stats.lag >= 60
        assert (stats.concurrency, stats.running) == (STATS.concurrency, STATS.running)


async def test_a_pipe_that_the_system_cannot_open_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(os, "pipe", refuse)
    reports = WorkerReports(Counters(ROUTES))
    with pytest.raises(OSError, match="too many open files"), reports.pipe():
        pass
    assert reports.stats() == []
