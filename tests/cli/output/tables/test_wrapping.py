"""Text in lines of a width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.cli.output.tables.wrapping import hang, wrap
from streamroute.text.display_width import display_width


def test_lines_break_between_words() -> None:
    assert wrap("the bank is down", 8) == ["the bank", "is down"]
    assert wrap("", 8) == [""]


def test_a_word_that_is_too_long_is_split() -> None:
    assert wrap("ab " + "x" * 10 + " c", 4) == ["ab", "xxxx", "xxxx", "xx c"]
    assert wrap("日本語", 5) == ["日本", "語"]
    assert hang("x" * 25, 12, 4) == f"{'x' * 12}\n    {'x' * 8}\n    {'x' * 5}"


def test_of_too_many_lines_the_last_ends_with_dots() -> None:
    assert wrap("aa bb cc dd ee ff", 5, 2) == ["aa bb", "cc..."]


def test_further_lines_are_indented() -> None:
    assert hang("  one two three", 12, 4) == "  one two\n    three"
    assert hang("  one two three", None, 4) == "  one two three"


@given(st.text(st.sampled_from("ab 日e\u0301"), max_size=80), st.integers(12, 40), st.integers(0, 4))
def test_no_line_is_too_wide_and_no_word_is_lost(text: str, width: int, indent: int) -> None:
    lines = hang(text, width, indent).split("\n")
    assert all(display_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
