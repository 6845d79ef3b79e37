"""Tables: a row is a line on a pipe; on a terminal, no line is wider than the terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.table import fitted_table, table
from streamroute.cli.output.tables.column import Column, Fit, Painted
from streamroute.text.display_width import display_width

ROUTES = (
    Column("route", Fit.NAME),
    Column("stream", Fit.NAME, rank=2),
    Column("error", Fit.TEXT),
    Column("place", Fit.PATH, rank=1),
)
LONG = "a sentence of several words that tells what went wrong, and where"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def test_numbers_are_right_aligned_under_their_heads() -> None:
    assert table(("stream", "count"), [("a", 5), ("bbbbbbb", 12)]) == (
        "stream   count\na            5\nbbbbbbb     12"
    )


def test_a_cell_cannot_forge_a_row() -> None:
    """The name of a stream, of a group or of a configuration file may contain anything."""
    made = table(("stream", "reason"), [("a\nforged  row", "b\x1b[2J\u2028c\r")])
    assert len(made.splitlines()) == 2
    assert "\x1b" not in made


def test_without_a_width_nothing_is_left_out() -> None:
    row = ("r" * 300, "s" * 300, LONG * 5, "folder/" * 50 + "routes.yaml:1")
    assert table(ROUTES, [row]).splitlines()[1] == "  ".join(row)


def test_a_table_that_fits_is_the_same_on_a_terminal() -> None:
    rows = [("a", "s", "no", "x/routes.yaml:1"), ("b", "s", "no", "x/routes.yaml:2")]
    assert table(ROUTES, rows, OutputLayout(80)) == table(ROUTES, rows)


def test_what_is_the_same_in_each_row_is_said_once() -> None:
    rows = [(f"welcome-{n}", "bookings", LONG[:40], "routes.yaml:1") for n in range(2)]
    assert table(ROUTES, rows, OutputLayout(60)).splitlines() == [
        "route      error",
        "welcome-0  a sentence of several words that tells w",
        "welcome-1  a sentence of several words that tells w",
        "in each row: stream bookings, place routes.yaml:1",
    ]


def test_the_folder_of_all_paths_is_said_once() -> None:
    rows = [(f"r{n}", f"s{n}", "no", f"{'deep/' * 12}{n}/routes.yaml:1") for n in range(2)]
    assert table(ROUTES, rows, OutputLayout(60)).splitlines() == [
        "route  stream  error  place",
        "r0     s0      no     0/routes.yaml:1",
        "r1     s1      no     1/routes.yaml:1",
        "place: below deep/deep/deep/d...ep/deep/deep/deep/deep/deep/",
    ]


def test_sentences_are_wrapped_names_cut_and_the_least_important_dropped() -> None:
    rows = [(f"welcome-the-guest-of-{n}-nights", f"stream-{n}", LONG, f"routes.yaml:{n}") for n in range(2)]
    assert table(ROUTES, rows, OutputLayout(50)).splitlines() == [
        "route          error                 place",
        "welco...ights  a sentence of         routes.yaml:0",
        "               several words that",
        "               tells what went w...",
        "welco...ights  a sentence of         routes.yaml:1",
        "               several words that",
        "               tells what went w...",
        "no room for: stream",
    ]


def test_a_long_sentence_takes_three_lines() -> None:
    fitted = fitted_table(("n", Column("text", Fit.TEXT)), [(1, LONG * 20)], OutputLayout(40))
    assert len(fitted.rows[0]) == 3
    assert fitted.rows[0][2].endswith("...")


def test_only_the_text_of_a_cell_is_painted() -> None:
    layout = OutputLayout(30, color=True)
    rows = [(Painted("日本", "red"), 1), (Painted("abcdef", None), 2)]
    lines = table((Column("name", Fit.NAME), "n"), rows, layout).splitlines()
    assert lines == ["\x1b[1mname\x1b[0m    \x1b[1mn\x1b[0m", "\x1b[31m日本\x1b[0m    1", "abcdef  2"]
    assert "\x1b" not in table((Column("name", Fit.NAME), "n"), rows)


def test_a_time_loses_its_zone_first() -> None:
    columns = (Column("time", Fit.TIME), Column("who", Fit.NAME))
    rows = [("2026-11-27T19:25:00+00:00", "x" * 40)]
    assert table(columns, rows, OutputLayout(40)).splitlines()[1].startswith("2026-11-27T19:25:00  xxx")
    assert table(columns, rows, OutputLayout(30)).splitlines()[1].startswith("2026-11-27T19:25  xxx")


cells = st.one_of(
    st.integers(), st.text(max_size=200), st.sampled_from(["日本語" * 30, "e\u0301" * 60, "a/b/" * 30])
)
columns = st.builds(Column, st.text(max_size=12), st.sampled_from(Fit), st.integers(0, 5), st.booleans())


@given(st.data(), st.lists(columns, min_size=1, max_size=9), st.integers(20, 120), st.booleans())
def test_no_line_is_wider_than_the_terminal(
    data: st.DataObject, heads: list[Column], width: int, color: bool
) -> None:
    row = st.tuples(*[cells] * len(heads))
    rows = data.draw(st.lists(row, max_size=4))
    made = table(heads, rows, OutputLayout(width, color))
    assert max(display_width(STYLE.sub("", line)) for line in made.split("\n")) <= width
    assert len(table(heads, rows).split("\n")) == 1 + len(rows)


@pytest.mark.parametrize("width", [20, 24, 30, 40, 60, 80, 120])
def test_many_columns_that_have_to_stay_are_cut(width: int) -> None:
    made = table([f"column{n}" for n in range(12)], [["x" * 30] * 12] * 2, OutputLayout(width))
    assert max(map(len, made.splitlines())) <= width
