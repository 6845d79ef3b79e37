"""A misspelt word finds the one that was meant."""

from __future__ import annotations

import pytest

from streamroute.text import suggestions
from streamroute.text.suggestions import did_you_mean, edit_distance, limit_lookups, suggestion_hint

KEYS = ["handler", "filter", "name", "type", "timeout", "with", "retry", "stream"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("hander", "handler"),
        ("handelr", "handler"),
        ("fitler", "filter"),
        ("tpye", "type"),
        ("nam", "name"),
        ("names", "name"),
        ("tiemout", "timeout"),
        ("HANDLER", "handler"),
        ("wiht", "with"),
    ],
)
def test_near_words_are_found(word: str, meant: str) -> None:
    assert did_you_mean(word, KEYS) == meant


@pytest.mark.parametrize("word", ["", "n", "xy", "description", "enabled", "zzzz", "handler", "x" * 100_000])
def test_far_words_and_the_word_itself_are_not(word: str) -> None:
    assert did_you_mean(word, KEYS) is None


@pytest.mark.parametrize(
    ("word", "meant", "is_near"),
    [
        ("a", "b", False),  # a single letter has to be the same
        ("ab", "ac", True),
        ("ab", "cd", False),
        ("abcd", "abxd", True),
        ("abcd", "axxd", False),  # four letters: one edit
        ("abcde", "axxde", True),  # five: two
        ("abcde", "axxxe", False),
        ("abcdefghi", "abxxefghi", True),
        ("abcdefghi", "abxxxfghi", False),  # nine: two still
        ("abcdefghij", "abxxxfghij", True),  # ten: three
        ("abcdefghij", "abxxxxghij", False),
        ("abcde", "abc", True),
        ("abcde", "abcdefg", True),
        ("abcde", "abcdefgh", False),
        ("abcdefghij", "abcdefg", True),
        ("abcdefghij", "abcdef", False),
        ("badc", "abcd", False),  # two swaps
        ("badce", "abcde", True),
        ("cba", "abc", False),  # letters that are no neighbors are not swapped
    ],
)
def test_how_far_a_word_may_be_grows_with_its_length(word: str, meant: str, is_near: bool) -> None:
    assert did_you_mean(word, [meant]) == (meant if is_near else None)


@pytest.mark.parametrize(("length", "is_near"), [(200, True), (201, False)])
def test_a_text_is_no_misspelt_word(length: int, is_near: bool) -> None:
    assert did_you_mean("x" * (length - 1) + "y", ["x" * length]) == ("x" * length if is_near else None)


def test_the_first_of_equally_near_words_is_suggested() -> None:
    assert did_you_mean("abx", ["abc", "abd"]) == "abc"
    assert did_you_mean("abx", ["abd", "abc"]) == "abd"


def test_a_swap_is_nearer_than_two_edits() -> None:
    assert did_you_mean("ab", ["ax", "ba"]) == "ax"
    assert did_you_mean("a", ["b", "ab"]) is None
    assert did_you_mean("abcdef", ["abxyef", "abdcef"]) == "abdcef"


@pytest.mark.parametrize("number", [0, 1, 20, 5_000, 9_998, 9_999])
def test_the_first_and_the_last_of_many_candidates_are_found(number: int) -> None:
    meant = f"{number:04}_hello_{number:04}"
    candidates = [f"{at:04}_hello_{at:04}" for at in range(10_000)]
    assert did_you_mean(meant.replace("hello", "helo"), candidates) == meant


@pytest.mark.parametrize("word", ["hello_4711s", "helo_4711", "hello_4711x_"])
def test_a_candidate_with_the_same_beginning_or_end_is_found_among_many(word: str) -> None:
    assert did_you_mean(word, [f"hello_{at}" for at in range(10_000)]) == "hello_4711"


def test_a_check_looks_for_so_many_words_and_no_more() -> None:
    with limit_lookups(2):
        assert [did_you_mean("hander", KEYS) for _ in range(3)] == ["handler", "handler", None]
    assert did_you_mean("hander", KEYS) == "handler"


def test_a_word_among_many_candidates_counts_for_several() -> None:
    candidates = [f"hello_{at}" for at in range(10_000)]
    with limit_lookups(50):
        found = [did_you_mean("helo_4711", candidates) for _ in range(4)]
    assert found == ["hello_4711", "hello_4711", None, None]


@pytest.mark.parametrize("word", ["hanxler", "xandlre", "hndlera", "hanndlerr"])
def test_words_whose_letters_differ_too_much_are_not_compared(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def note(_one: str, two: str, allowed: int) -> int:
        compared.append(two)
        return edit_distance(word, two, allowed)

    monkeypatch.setattr(suggestions, "edit_distance", note)
    assert did_you_mean(word, KEYS) == "handler"
    assert "handler" in compared
    assert len(compared) < len(KEYS)


def test_a_hint_ends_a_message() -> None:
    assert suggestion_hint("bookng", ["booking"]) == '; did you mean "booking"?'
    assert suggestion_hint("zzz", ["booking"]) == ""
