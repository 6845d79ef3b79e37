"""A search for a regular expression: by Python's ``re`` where it cannot take long, else step by step.

Both find the same; there is no text over which either can take more steps than the caller allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from streamroute.config.regex.ambiguity import Effort, effort
from streamroute.config.regex.automaton import Automaton, Spend
from streamroute.config.regex.parser import Regex, parse
from streamroute.config.regex.syntax import RegexError
from streamroute.config.regex.writing import for_python, for_rust, is_anchored

_MOST_TRIED: Final = 2_000  # steps of `re`, of some ten nanoseconds: no more than the automaton takes
_MOST_TRIED_WITH_BACKREFERENCES: Final = 1_000_000
_FEW_WAYS: Final = 16
_CHARACTERS: Final = 32  # that cost about as much as a step


class Pattern:
    """A pattern that was read. Raises RegexError for what is none, or cannot be matched in bounded time."""

    def __init__(self, text: str) -> None:
        read: Regex = parse(text)
        self.text = text
        self.effort: Effort = effort(read.root, is_anchored=is_anchored(read.root))
        self._has_backreferences = read.has_backreferences
        if read.has_backreferences and (self.effort.is_exponential or not self.effort.is_known):
            raise RegexError("with backreferences like these, it might take for ever to match")
        self._automaton = None if read.has_backreferences else Automaton(read.root)
        self._search = _compiled(for_python(read.root))
        if self._search is None and self._automaton is None:
            raise RegexError("with backreferences, it may look behind over one width alone")
        self.for_rust: str | None = for_rust(read.root)

    def matches(self, text: str, spend: Spend) -> bool:
        """Whether it matches anywhere in a text; ``spend`` is told the steps, and may raise."""
        length, bound = len(text), self.effort
        if self._search is not None and _is_quick(bound, length):
            spend(1 + length // _CHARACTERS)
            return self._search(text) is not None
        if self._automaton is not None:
            return self._automaton.search(text, spend)
        spend(bound.ways * (length + 1) ** bound.degree // _CHARACTERS)
        assert self._search is not None  # noqa: S101 - a backreference is all that the automaton lacks
        return self._search(text) is not None


def _compiled(written: str | None) -> Callable[[str], object] | None:
    """The search of ``re``; None for what ``re`` cannot do."""
    try:
        return None if written is None else re.compile(written).search
    except (re.error, OverflowError, RecursionError):
        return None


def _is_quick(bound: Effort, length: int) -> bool:
    if bound.degree == 1 and bound.ways <= _FEW_WAYS and bound.is_known and not bound.is_exponential:
        return True
    return bound.within(length, _MOST_TRIED)


@lru_cache(maxsize=4096)
def pattern_for(text: str) -> Pattern:
    """The pattern of a text; raises RegexError."""
    return Pattern(text)
