"""How far a drain is."""

from __future__ import annotations

from streamroute.adapters.groups.stats import GroupStats
from streamroute.cli.output.drain_text import DrainText


def test_the_bar_fills_as_entries_end() -> None:
    text = DrainText()
    assert text.line([GroupStats(unread=90, pending=10)], 80) == (
        "draining  [------------------------]    0%  100 entries left"
    )
    assert text.line([GroupStats(unread=0, pending=0, scheduled=1)], 99) == (
        "draining  [#######################-]   99%  1 entry left, 1 waits for a retry"
    )


def test_what_is_unknown_counts_as_nothing_and_a_paused_stream_is_left_out() -> None:
    groups = [GroupStats(), GroupStats(unread=5, paused=(("", "manual"),))]
    assert DrainText().line(groups, 80).endswith("  0 entries left")


def test_a_narrow_terminal_gets_less() -> None:
    assert len(DrainText().line([GroupStats(unread=10**9, scheduled=10**9)], 40)) == 40
