"""Recent counts: what was counted in about the last minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.ops.status.worker.recent_counts import RecentCounts


def test_all_counts_are_recent_in_the_first_minute() -> None:
    counts: RecentCounts[str] = RecentCounts(100.0, window=60.0)
    assert counts.update({"a": (1, 0), "b": (0, 0)}, 102.0) == {"a": (1, 0)}
    assert counts.window(102.0) == 2.0
    assert counts.update({"a": (1, 5), "b": (0, 0)}, 150.0) == {"a": (1, 5)}


def test_what_has_not_grown_for_a_minute_is_left_out() -> None:
    counts: RecentCounts[str] = RecentCounts(0.0, window=60.0)
    for second in range(0, 200, 2):
        grown = counts.update({"old": (7,), "new": (second,)}, float(second))
    assert "old" not in grown
    assert 60 <= counts.window(198.0) <= 70
    assert grown["new"] == (counts.window(198.0),)


@given(st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 50)), min_size=1, max_size=60))
def test_the_counts_are_those_of_the_window_which_is_a_minute_at_least(
    steps: list[tuple[float, int]],
) -> None:
    counts: RecentCounts[str] = RecentCounts(0.0, window=60.0)
    now, total = 0.0, 0
    totals = {0.0: 0}
    for pause, more in steps:
        now, total = now + pause, total + more
        window = counts.window(now)
        grown = counts.update({"a": (total,)}, now).get("a", (0,))
        totals[now] = total
        (before,) = {known for time, known in totals.items() if abs(time - (now - window)) < 1e-9}
        assert grown == (total - before,)
        assert window >= min(now, 60.0) - 1e-9
