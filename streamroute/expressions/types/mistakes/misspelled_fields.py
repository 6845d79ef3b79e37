"""Misspelled names of declared fields, if the schema allows other names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from streamroute.expressions.types.mistakes.common_words import COMMON_WORDS
from streamroute.text.lazy_pattern import lazy_pattern
from streamroute.text.suggestions import edit_distance

_MIN_NAME_LENGTH: Final = 4
_LETTER_REPLACED: Final = 6
"""From this length on, words that differ in one letter are misspellings, unlike ``code`` and ``mode``."""
_TWO_EDITS: Final = 8
_LONGEST_ENDING: Final = 3
_MAX_DECLARED_NAMES: Final = 200
_WORD: Final = lazy_pattern(r"(?:[A-Z]?[a-z]+|[A-Z]+(?![a-z]))[0-9]*|[0-9]+")


def misspelled_field(name: str, declared: Iterable[str]) -> str | None:
    """Return the declared name that a name misspells, or None."""
    if not _MIN_NAME_LENGTH <= len(name) <= 60:
        return None
    known = list(declared)[:_MAX_DECLARED_NAMES]
    return next((each for each in known if _is_misspelling(name, each)), None)


def _is_misspelling(name: str, declared: str) -> bool:
    if _plain(name) == _plain(declared):
        return name != declared
    words, others = _words_of(name), _words_of(declared)
    if len(words) == len(others):
        differing = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
        return len(differing) == 1 and _is_misspelled_word(*differing[0])
    return _is_misspelled_word(_plain(name), _plain(declared))


def _is_misspelled_word(a: str, b: str) -> bool:
    if (
        not COMMON_WORDS.isdisjoint((a, a.removesuffix("s")))
        or min(len(a), len(b)) < _MIN_NAME_LENGTH
        or _digits(a) != _digits(b)
    ):
        return False
    if a[0] != b[0] or _is_inflected(a, b):
        return False
    allowed = 2 if min(len(a), len(b)) >= _TWO_EDITS else 1
    if len(a) == len(b) < _LETTER_REPLACED:
        return sorted(a) == sorted(b) and edit_distance(a, b, 1) == 1
    return edit_distance(a, b, allowed) <= allowed


def _words_of(name: str) -> list[str]:
    """Split ``max_price`` and ``maxPrice`` into words, to compare them one by one."""
    return [word.lower() for word in _WORD.findall(name)]


def _plain(name: str) -> str:
    return re.sub(r"[_\W]", "", name).lower()


def _digits(name: str) -> str:
    return re.sub(r"\D", "", name)


def _is_inflected(first: str, second: str) -> bool:
    """Whether two words have the same stem, as ``line`` and ``lines``, ``delivery`` and ``delivered``."""
    if second[:-1] == first and second[-1] != "s":
        return False  # the last letter is missing
    shorter, longer = sorted((first, second), key=len)
    if longer.startswith(shorter):
        return len(longer) - len(shorter) <= _LONGEST_ENDING
    stem = next(at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    ends_alike = first[-1] == second[-1] or sorted(first[stem:]) == sorted(second[stem:])
    return stem >= _MIN_NAME_LENGTH and len(longer) - stem <= _LONGEST_ENDING and not ends_alike
