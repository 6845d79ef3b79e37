"""The status tells which generation runs, and since when that is what the files say."""

from __future__ import annotations

from streamroute.ops.metrics.reload_status import ReloadStatus


def test_it_starts_as_a_success() -> None:
    status = ReloadStatus("a", clock=lambda: 5.0)
    assert (status.generation, status.is_last_successful, status.last_success) == ("a", True, 5.0)
    assert sum(status.counts.values()) == 0


def test_a_refusal_keeps_the_time_of_the_last_success() -> None:
    times = iter([1.0, 2.0, 3.0])
    status = ReloadStatus("a", clock=lambda: next(times))
    status.record_applied("b")
    status.record_refused()
    assert (status.generation, status.is_last_successful, status.last_success) == ("b", False, 2.0)
    status.record_unchanged()
    assert (status.is_last_successful, status.last_success) == (True, 3.0)
    assert status.counts == {"applied": 1, "refused": 1, "unchanged": 1}
