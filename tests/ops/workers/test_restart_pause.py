"""Pauses between a supervisor's restarts: longer with each crash in a row, and short in an outage."""

from __future__ import annotations

from streamroute.ops.workers.restart_pause import CrashPauses, RestartPauses


def test_each_crash_in_a_row_doubles_the_pause_up_to_five_seconds() -> None:
    """A message may have ended the worker: the others must not wait for long."""
    pauses = CrashPauses()
    assert [pauses.after_crash(1, at_work=True) for _ in range(7)] == [0.5, 1, 2, 4, 5, 5, 5]


def test_a_worker_that_never_worked_pauses_up_to_half_a_minute() -> None:
    pauses = CrashPauses()
    assert [pauses.after_crash(1, at_work=False) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert pauses.after_crash(1, at_work=True) == 5


def test_pauses_reset_after_a_minute_of_running() -> None:
    pauses = CrashPauses()
    lives = (1, 60, 61, 1, 1)
    assert [pauses.after_crash(lasted, at_work=True) for lasted in lives] == [0.5, 1, 0.5, 1, 2]


def test_the_pauses_of_an_outage_are_short_and_not_in_step() -> None:
    found = {RestartPauses().while_unreachable() for _ in range(200)}
    assert min(found) >= 1
    assert max(found) <= 2
    assert len(found) > 3
