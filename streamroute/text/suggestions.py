"""Suggest the intended word for a misspelled one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

_MAX_SCANNED_WORDS: Final = 60
_NEIGHBORS: Final = 15
_MAX_WORD_LENGTH: Final = 200
_MAX_CANDIDATES: Final = 20_000
_MAX_WORDS: Final = 3_000
"""Lookups per check with few candidates each (a lookup among many candidates counts more): more than findings
are shown."""

_remaining: ContextVar[list[int] | None] = ContextVar("remaining", default=None)


@contextmanager
def limit_lookups(words: int = _MAX_WORDS) -> Iterator[None]:
    """Limit ``did_you_mean`` inside the block to ``words`` lookups; later ones return None."""
    token = _remaining.set([words])
    try:
        yield
    finally:
        _remaining.reset(token)


def did_you_mean(word: str, candidates: Collection[str]) -> str | None:
    """Return the candidate nearest to ``word``, or None if none is near.

    A wrong, missing or added letter and a swap of two neighbors count one edit each. A single letter must
    match, short words may differ by one edit, longer ones by up to three. Of more than 60 candidates, only
    those that sort near the word by beginning or end are compared; with more than 20,000 the result is None.
    """
    if (
        len(word) > _MAX_WORD_LENGTH
        or len(candidates) > _MAX_CANDIDATES
        or not _spend(1 + len(candidates) // 500)
    ):
        return None
    return _nearest(word, tuple(candidates))


def suggestion_hint(word: str, candidates: Collection[str]) -> str:
    """Return the end of a message about an unknown word: ``; did you mean "X"?``, or an empty text."""
    suggestion = did_you_mean(word, candidates)
    return f'; did you mean "{suggestion}"?' if suggestion else ""


def _spend(words: int) -> bool:
    """Consume lookups; return whether the limit still allows them."""
    remaining = _remaining.get()
    if remaining is None:
        return True
    remaining[0] -= words
    return remaining[0] >= 0


@lru_cache(maxsize=1024)
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    allowed = min(len(word) - 1, 1 if len(word) < 5 else 2 if len(word) < 10 else 3)
    best: tuple[int, str] | None = None
    lower, letters = word.lower(), set(word.lower())
    for candidate in known if len(known) <= _MAX_SCANNED_WORDS else _neighbors_of(lower, known):
        other = candidate.lower()
        if len(letters.difference(other)) > allowed:
            continue  # one edit removes at most one letter
        distance = edit_distance(lower, other, allowed)
        if distance <= allowed and candidate != word and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


def _neighbors_of(lower: str, candidates: tuple[str, ...]) -> Iterator[str]:
    for order, key in zip(_sorted(candidates), (lower, lower[::-1]), strict=True):
        at = bisect_left(order, (key, ""))
        yield from (word for _, word in order[max(0, at - _NEIGHBORS) : at + _NEIGHBORS])


@lru_cache(maxsize=4)
def _sorted(candidates: tuple[str, ...]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the words sorted by their beginnings, and by their ends."""
    return (
        sorted((word.lower(), word) for word in candidates),
        sorted((word.lower()[::-1], word) for word in candidates),
    )


def edit_distance(first: str, second: str, allowed: int) -> int:
    """Return the optimal string alignment distance, or a number above ``allowed``."""
    if abs(len(first) - len(second)) > allowed:
        return allowed + 1
    beyond = allowed + 1
    before: list[int] = []
    above = [min(column, beyond) for column in range(len(second) + 1)]
    for row in range(1, len(first) + 1):
        current = [beyond] * (len(second) + 1)
        current[0] = min(row, beyond)
        # Cells further from the diagonal need more edits than are allowed.
        for column in range(max(1, row - allowed), min(len(second), row + allowed) + 1):
            differs = first[row - 1] != second[column - 1]
            cost = min(above[column] + 1, current[column - 1] + 1, above[column - 1] + differs, beyond)
            if _are_swapped(first, second, row, column):
                cost = min(cost, before[column - 2] + 1)
            current[column] = cost
        if min(current) >= beyond and min(above) >= beyond:
            return beyond
        before, above = above, current
    return above[-1]


def _are_swapped(a: str, b: str, row: int, column: int) -> bool:
    return row > 1 and column > 1 and a[row - 1] == b[column - 2] and a[row - 2] == b[column - 1]
