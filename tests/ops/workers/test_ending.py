"""The end of a worker: its possible causes, and how it is reported."""

from __future__ import annotations

import signal

import pytest

from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.ending import WorkerEnd
from streamroute.ops.workers.report import WorkerReport


def report(*, ready: bool, ended: bool) -> WorkerReport:
    return WorkerReport(ready=ready, ended=ended, stats=ProcessStats(0.0, {}, {}))


STARTING = report(ready=False, ended=False)
READY = report(ready=True, ended=False)
DONE = report(ready=True, ended=True)
GAVE_UP = report(ready=False, ended=True)


@pytest.mark.parametrize("code", [0, 1, 4])
def test_an_exit_code_is_an_orderly_end_before_the_first_report_and_after_the_last(code: int) -> None:
    assert [WorkerEnd(code, message).is_clean_exit for message in (None, DONE, GAVE_UP)] == [True, True, True]
    assert [WorkerEnd(code, message).is_clean_exit for message in (STARTING, READY)] == [False, False]


def test_a_signal_or_an_error_of_the_system_is_no_orderly_end() -> None:
    assert not WorkerEnd(-signal.SIGTERM, DONE).is_clean_exit
    assert not WorkerEnd(error=OSError(11, "no more processes")).is_clean_exit


def test_only_an_orderly_end_with_an_exit_code_before_it_was_ready_is_a_refusal() -> None:
    reports = (None, GAVE_UP, STARTING, READY, DONE)
    assert [WorkerEnd(1, message).is_refusal for message in reports] == [True, True, False, False, False]
    assert not any(WorkerEnd(0, message).is_refusal for message in reports)
    assert not any(WorkerEnd(-signal.SIGKILL, message).is_refusal for message in reports)
    assert not WorkerEnd(error=OSError(11, "no more processes")).is_refusal


def test_a_worker_has_worked_if_ready_or_killed_while_starting() -> None:
    """The first of its streams is consumed while the others start."""
    reports = (None, GAVE_UP, STARTING, READY, DONE)
    assert [WorkerEnd(-9, message).has_worked for message in reports] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (WorkerEnd(-signal.SIGKILL, READY), "(SIGKILL) after it was ready"),
        (WorkerEnd(-250, STARTING), "(signal 250) before it was ready"),
        (WorkerEnd(3), "(exit code 3) before it was ready"),
        (
            WorkerEnd(error=OSError(11, "no more processes")),
            "([Errno 11] no more processes) before it was ready",
        ),
    ],
)
def test_the_end_of_a_worker_names_cause_and_readiness(end: WorkerEnd, message: str) -> None:
    assert str(end) == message
