"""The final report: tables in columns, and one line for each item without a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamroute.cli.output.run_summary import describe_unlisted, print_summary
from streamroute.cli.output.table import table
from streamroute.core.observer import Result
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.unlisted import UnlistedMessages

if TYPE_CHECKING:
    from collections.abc import Callable


def unlisted(*types: str) -> UnlistedMessages:
    counted = UnlistedMessages()
    for name in types:
        counted.add(name)
    return counted


@pytest.mark.parametrize(
    ("types", "text"),
    [
        (["a"], "1 message of 1 type (a 1)"),
        (["a", "b", "a"], "3 messages of 2 types (a 2, b 1)"),
        (["a", "b", "c", "d", "d"], "5 messages of 4 types (d 2, a 1, b 1, ...)"),
        (["\x1b[2J"], "1 message of 1 type (\ufffd[2J 1)"),
        ([str(n) for n in range(1500)], "1500 messages of more than 1000 types (0 1, 1 1, 10 1, ...)"),
    ],
)
def test_types_that_no_route_lists_are_one_line(types: list[str], text: str) -> None:
    line = describe_unlisted(unlisted(*types))
    assert line == f"acknowledged, since no route lists its type: {text}"


def test_numbers_are_right_aligned_and_words_left_without_trailing_blanks() -> None:
    assert table(("name", "n"), [("a", 1), ("longer", 1000)]) == "name       n\na          1\nlonger  1000"
    assert table(("name", "n"), []) == "name  n"


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[Counters], str]:
    def of(counters: Counters) -> str:
        print_summary(counters)
        return capsys.readouterr().out

    return of


def test_without_a_feed_there_is_one_table_without_a_title(printed: Callable[[Counters], str]) -> None:
    head, row = printed(Counters({"s": ("a",)})).splitlines()
    assert head == "stream  route  matched  succeeded  failed"
    assert row == "s       a            0          0       0"


def test_a_feed_without_leftovers_prints_one_table(printed: Callable[[Counters], str]) -> None:
    assert printed(Counters({"s": ("a",)}, feed_start_ids={"s": "0-0"})).count("stream  route") == 1


def test_entries_lost_to_other_workers_are_reported(printed: Callable[[Counters], str]) -> None:
    counters = Counters({"s": ("a",)})
    counters.observe(Message({}, stream="s"), None, Result.LOST)
    text = "entries that another worker claimed meanwhile, and may have run as well: 1"
    assert printed(counters).splitlines()[-1] == text


def test_shadows_have_a_table_of_their_own(printed: Callable[[Counters], str]) -> None:
    counters = Counters({"s": ("a",)})
    assert "shadow" not in printed(counters)
    for result in (Result.SHADOW_MATCHED, Result.SHADOW_MATCHED, Result.SHADOW_FILTER_ERROR):
        counters.observe(Message({}, stream="s"), "shade", result)
    assert printed(counters).splitlines()[-3:] == [
        "shadows, whose handlers did not run:",
        "stream  shadow  matched  not matched  filter error  transform error",
        "s       shade         2            0             1                0",
    ]
