"""The widths of columns: what is dropped first, and who gets the room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.cli.output.tables.widths import GAP, Need, fit_widths

needs = st.builds(
    lambda natural, least, rank, same: Need(natural, min(natural, least), rank, same),
    st.integers(0, 300),
    st.integers(0, 40),
    st.integers(0, 4),
    st.booleans(),
)


def test_there_is_room_for_all() -> None:
    assert fit_widths([Need(10, 5), Need(3, 3)], 15) == {0: 10, 1: 3}


def test_the_narrowest_column_gets_room_first() -> None:
    assert fit_widths([Need(100, 12), Need(16, 12)], 42) == {0: 24, 1: 16}


def test_uniform_columns_go_before_others_are_cut() -> None:
    assert fit_widths([Need(30, 12), Need(10, 10, rank=1, is_uniform=True)], 35) == {0: 30}


def test_the_highest_rank_is_dropped_first_and_rank_0_never() -> None:
    assert fit_widths([Need(20, 20), Need(9, 9, rank=1), Need(9, 9, rank=2)], 35) == {0: 20, 1: 9}
    assert fit_widths([Need(40, 40), Need(30, 12)], 50) == {0: 40, 1: 8}


@given(st.lists(needs, min_size=1, max_size=10), st.integers(20, 200))
def test_the_widths_fit(columns: list[Need], room: int) -> None:
    widths = fit_widths(columns, room)
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= room
    assert all(0 <= widths[number] <= max(1, columns[number].natural) for number in widths)
