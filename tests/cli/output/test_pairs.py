"""Names with their values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.pairs import pair_lines
from streamroute.text.display_width import display_width

TEXTS = st.text(st.sampled_from("ab日e\u0301 \x1b\n"), max_size=80)


def test_values_begin_in_one_column() -> None:
    assert list(pair_lines({"a": "1", "longer": "2"}, PLAIN)) == ["  a       1", "  longer  2"]


def test_a_long_value_is_wrapped_under_its_beginning() -> None:
    lines = pair_lines({"error": "the bank is down"}, OutputLayout(20, color=True), painted=True)
    assert list(lines) == [f"  error  \x1b[31mthe bank is\x1b[0m\n{' ' * 9}\x1b[31mdown\x1b[0m"]


@given(st.dictionaries(TEXTS, TEXTS, max_size=5), st.integers(40, 90))
def test_no_line_is_wider_than_the_terminal(pairs: dict[str, str], width: int) -> None:
    for lines in pair_lines(pairs, OutputLayout(width)):
        assert all(display_width(line) <= width for line in lines.split("\n"))
