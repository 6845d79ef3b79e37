"""A misspelt word finds the one that was meant."""

from __future__ import annotations

import pytest

from streamroute.config.suggestions import did_you_mean

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


def test_a_swap_is_nearer_than_two_edits() -> None:
    assert did_you_mean("ab", ["ax", "ba"]) == "ax"
    assert did_you_mean("a", ["b", "ab"]) is None
    assert did_you_mean("abcdef", ["abxyef", "abdcef"]) == "abdcef"


@pytest.mark.parametrize("word", ["hello_4711s", "helo_4711", "hello_4711x_"])
def test_of_many_candidates_one_that_begins_or_ends_alike_is_found(word: str) -> None:
    assert did_you_mean(word, [f"hello_{at}" for at in range(10_000)]) == "hello_4711"
