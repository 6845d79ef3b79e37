"""Tables are written between the marks of a page, or into a file of their own."""

from __future__ import annotations

from pathlib import Path

from aims import Measured
from cases import ROUTED, UNLISTED
from check_speed import SIZES
from latency import Latency
from measuring import Figures
from picture import PAGE
from tables import (
    FIGURES,
    INSTRUCTIONS,
    VERSIONS,
    check_table,
    latency_table,
    skipped_table,
    streams_table,
    table,
    write_tables,
)


def test_only_the_tables_of_a_mark_are_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Speed\n\n<!-- figures -->\n\nold\n\n<!-- end of figures -->\n\n"
        "text\n\n<!-- versions -->\n<!-- end of figures -->\n\nend\n"
    )
    write_tables(page, ["| 3.14 |\n"], VERSIONS)
    write_tables(page, ["| a |\n", "| b |\n"])
    assert page.read_text() == (
        "# Speed\n\n<!-- figures -->\n\n| a |\n\n| b |\n\n<!-- end of figures -->\n\n"
        "text\n\n<!-- versions -->\n\n| 3.14 |\n\n<!-- end of figures -->\n\nend\n"
    )


def test_tables_get_a_file_of_their_own(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables.md", ["| a |\n", "| b |\n"])
    assert (tmp_path / "tables.md").read_text() == "| a |\n\n| b |\n"


def test_the_page_about_speed_has_every_mark() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [page.count(f"<!-- {mark} -->\n") for mark in (FIGURES, INSTRUCTIONS, VERSIONS)] == [1, 1, 1]
    assert page.count("<!-- end of figures -->\n") == 3


def test_numbers_are_aligned_to_the_right() -> None:
    assert table(["name", "count"], [["a", "1"]]) == "| name | count |\n| --- | ---: |\n| a | 1 |\n"


def test_a_skipped_message_is_compared_with_a_routed_one() -> None:
    found = [Figures(ROUTED, [100_000], [8.0]), Figures(UNLISTED, [300_000], [2.0])]
    written = skipped_table(Measured(found), found[1:])
    assert written.splitlines()[-1] == "| streamroute, 95% unlisted | 300,000 | 2.0 | 0.25 |"


def test_many_streams_are_compared_with_the_fewest() -> None:
    costs = {"server_us": 3.0, "commands": 0.5}
    written = streams_table({1: {"cpu_us": 20.0, **costs}, 200: {"cpu_us": 30.0, **costs}})
    assert written.splitlines()[2:] == [
        "| 1 | 20.0 | 3.0 | 0.5 | 1.00 |",
        "| 200 | 30.0 | 3.0 | 0.5 | 1.50 |",
    ]


def test_check_is_compared_with_a_bare_read_of_the_same_file() -> None:
    above = {f"{what} {size}": ms for size in SIZES for what, ms in (("read", 20.0), ("check", 30.0))}
    assert check_table(above).splitlines()[2:] == [f"| {size:,} | 20 | 30 | 1.50 |" for size in SIZES]


def test_latencies_are_in_microseconds() -> None:
    assert latency_table({"idle, bare": Latency(532.4, 1720)}).splitlines()[2:] == [
        "| idle, bare | 532 | 1,720 |"
    ]
