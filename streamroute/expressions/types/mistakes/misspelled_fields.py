"""Misspelled names of declared fields, if the schema allows other names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from streamroute.expressions.types.mistakes.common_words import COMMON_WORDS
from streamroute.text.suggestions import edit_distance

_SHORTEST: Final = 4
_LETTER_REPLACED: Final = 6
"""From this length on, words that differ in one letter are misspellings, unlike ``code`` and ``mode``."""
_TWO_EDITS: Final = 8
_LONGEST_ENDING: Final = 3
_MOST: Final = 200
_WORD: Final = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+(?![a-z]))[0-9]*|[0-9]+")


def misspelled_field(name: str, declared: Iterable[str]) -> str | None:
    """Return the declared name that a name misspells, or None."""
    if not _SHORTEST <= len(name) <= 60:
        return None
    known = list(declared)[:_MOST]
    return next((each for each in known if _is_misspelling(name, each)), None)


def _is_misspelling(name: str, meant: str) -> bool:
    if _plain(name) == _plain(meant):
        return name != meant
    words, others = _words_of(name), _words_of(meant)
    if len(words) == len(others):
        differing = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
        return len(differing) == 1 and _is_misspelled_word(*differing[0])
    return _is_misspelled_word(_plain(name), _plain(meant))


def _is_misspelled_word(one: str, two: str) -> bool:
    if (
        not COMMON_WORDS.isdisjoint((one, one.removesuffix("s")))
        or min(len(one), len(two)) < _SHORTEST
        or _digits(one) != _digits(two)
    ):
        return False
    if one[0] != two[0] or _is_inflected(one, two):
        return False
    allowed = 2 if min(len(one), len(two)) >= _TWO_EDITS else 1
    if len(one) == len(two) < _LETTER_REPLACED:
        return sorted(one) == sorted(two) and edit_distance(one, two, 1) == 1
    return edit_distance(one, two, allowed) <= allowed


def _words_of(name: str) -> list[str]:
    """Split ``max_price`` and ``maxPrice`` into words, to compare them one by one."""
    return [word.lower() for word in _WORD.findall(name)]


def _plain(name: str) -> str:
    return re.sub(r"[_\W]", "", name).lower()


def _digits(name: str) -> str:
    return re.sub(r"\D", "", name)


def _is_inflected(one: str, two: str) -> bool:
    """Whether two words have the same stem, as ``line`` and ``lines``, ``delivery`` and ``delivered``."""
    if two[:-1] == one and two[-1] != "s":
        return False  # the last letter is missing
    shorter, longer = sorted((one, two), key=len)
    if longer.startswith(shorter):
        return len(longer) - len(shorter) <= _LONGEST_ENDING
    stem = next(at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    ends_alike = one[-1] == two[-1] or sorted(one[stem:]) == sorted(two[stem:])
    return stem >= _SHORTEST and len(longer) - stem <= _LONGEST_ENDING and not ends_alike
