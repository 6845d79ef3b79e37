"""Truncated texts: their length, their mark, and what is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.text.truncation import clip, clip_middle, ellipsize, ellipsize_middle


@given(st.text(), st.integers(0, 100))
def test_a_text_that_fits_is_kept_and_another_is_cut(text: str, limit: int) -> None:
    for cut in (clip, clip_middle):
        found = cut(text, limit)
        assert found == text if len(text) <= limit else len(found) <= max(limit, 60)


def test_truncated_text_states_its_full_length() -> None:
    assert clip("a" * 5000, 30) == "aaaaaaaa... (5,000 characters)"
    assert clip_middle("a" + "x" * 5000 + "b", 100) == "a" + "x" * 19 + (
        "\n... 4,962 characters left out ...\n" + "x" * 19 + "b"
    )


@given(st.text(), st.integers(3, 100), st.sampled_from(["...", "…"]))
def test_an_ellipsis_ends_a_text_that_does_not_fit(text: str, limit: int, mark: str) -> None:
    found = ellipsize(text, limit, mark)
    if len(text) <= limit:
        assert found == text
    else:
        assert len(found) == limit
        assert found == text[: limit - len(mark)] + mark


def test_a_limit_below_the_mark_leaves_the_mark() -> None:
    assert ellipsize("abcdef", 2) == "..."


def test_text_that_does_not_fit_keeps_both_ends() -> None:
    assert ellipsize_middle("abcdefgh", 8, 3, 2) == "abcdefgh"
    assert ellipsize_middle("abcdefghi", 8, 3, 2) == "abc...hi"
    assert ellipsize_middle("abcdefghi", 8, 3, 2, "~") == "abc~hi"
