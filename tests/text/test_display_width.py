"""The width of text on a terminal, and cuts that no character or mark is split by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.text.display_width import (
    clusters,
    display_width,
    limit_marks,
    shorten,
    shorten_middle,
    take_end,
    take_start,
)

FAMILIES = st.text(st.sampled_from("aZ9-é日本語한ก็้\u0301\u0308\ufe0f❤👍\u1161\u11a8"), max_size=40)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("\uff46\uff55\uff4c\uff4c", 8),
        ("e\u0301", 1),
        ("\u0301", 0),
        ("👍", 2),
        ("❤\ufe0f", 2),
        ("1\ufe0f\u20e3", 2),
        ("\u1112\u1161\u11ab", 2),  # one syllable of three letters
        ("ก็", 1),
        ("🇩🇪", 2),
    ],
)
def test_widths(text: str, width: int) -> None:
    assert display_width(text) == width


@given(FAMILIES)
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text


@given(FAMILIES, st.integers(0, 50))
def test_a_cut_fits_and_is_the_longest(text: str, width: int) -> None:
    start, end = take_start(text, width), take_end(text, width)
    assert text.startswith(start)
    assert text.endswith(end)
    for part in (start, end):
        assert display_width(part) <= width
        if part != text:
            assert display_width(part) >= width - 1  # the next character may be two columns wide


@given(FAMILIES, st.integers(1, 50))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    for short in (shorten(text, width), shorten_middle(text, width)):
        assert display_width(short) <= width
        assert short == text or display_width(text) > width


def test_dots_stand_for_what_is_cut() -> None:
    assert shorten("abcdefghij", 7) == "abcd..."
    assert shorten_middle("abcdefghij", 7) == "ab...ij"
    assert shorten_middle("日本語日本語", 9) == "日...語"
    assert shorten("abcdef", 3) == shorten_middle("abcdef", 3) == "abc"


def test_marks_on_one_character_are_limited() -> None:
    assert limit_marks("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * 3 + "b"
    assert limit_marks("plain") == "plain"
