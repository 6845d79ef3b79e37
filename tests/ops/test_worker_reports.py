"""Reports of workers: added up while they run, and kept when they have ended."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from servers import wait_until
from streamroute.core.observer import Result
from streamroute.message import Message
from streamroute.ops import worker_reports
from streamroute.ops.metrics.vitals import Vitals
from streamroute.ops.tally import Row, Tally
from streamroute.ops.worker_reports import WorkerReports, reporting

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = {"s": ("r",)}
VITALS = Vitals(0.0, {"s": 1}, {"s": 32})


def worked(times: int = 1) -> Tally:
    """The tally of a worker that has done so much."""
    tally = Tally(ROUTES)
    for _ in range(times):
        tally.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
    return tally


def succeeded(reports: WorkerReports) -> int:
    return reports.counts().leftover.get(("s", "r"), Row()).succeeded


def test_running_workers_and_those_that_ended_are_one_count(tmp_path: Path) -> None:
    reports = WorkerReports(tmp_path, Tally(ROUTES))
    for number, times in enumerate((2, 3)):
        with reporting(tmp_path / f"{number}-0", worked(times), lambda: VITALS):
            pass
    assert succeeded(reports) == 5
    reports.end(tmp_path / "0-0")
    assert succeeded(reports) == 5
    assert reports.ended.leftover["s", "r"].succeeded == 2
    assert reports.vitals() == [VITALS]


def test_a_worker_that_died_before_its_first_report_counts_nothing(tmp_path: Path) -> None:
    reports = WorkerReports(tmp_path, Tally(ROUTES))
    reports.end(tmp_path / "1-0")
    assert (succeeded(reports), reports.vitals()) == (0, [])


def test_a_worker_reports_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_reports, "_EVERY", 0.001)
    reports, tally = WorkerReports(tmp_path, Tally(ROUTES)), worked(1)
    with reporting(tmp_path / "1-0", tally, lambda: VITALS):
        wait_until(lambda: succeeded(reports) == 1, "a first report")
        tally.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
        wait_until(lambda: succeeded(reports) == 2, "another report")


def test_the_lag_of_a_worker_that_says_nothing_grows(tmp_path: Path) -> None:
    """It was stopped, or swapped out: what it said last is no longer true."""
    report = {"counts": worked().as_dict(), "vitals": VITALS.as_dict(), "time": time.monotonic() - 60}
    (tmp_path / "1-0").write_text(json.dumps(report))
    [vitals] = WorkerReports(tmp_path, Tally(ROUTES)).vitals()
    assert vitals.lag >= 60
    assert vitals.slots == VITALS.slots


def test_a_report_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".1-0").write_text("{")
    assert succeeded(WorkerReports(tmp_path, Tally(ROUTES))) == 0


def test_a_worker_goes_on_where_it_cannot_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with reporting(tmp_path / "gone" / "1-0", worked(), lambda: VITALS):
        pass
    assert "the supervisor is not told" in caplog.text
    assert list(tmp_path.iterdir()) == []
