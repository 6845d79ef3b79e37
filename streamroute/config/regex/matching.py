"""Search for a regular expression: with Python's ``re`` if its time is bounded, else with the automaton.

Both give the same result; neither takes more steps on any text than the caller allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Final

from streamroute.config.regex.ambiguity import Effort, effort
from streamroute.config.regex.automaton import Automaton, Spend, size_of
from streamroute.config.regex.parser import Regex, parse
from streamroute.config.regex.syntax import RegexError
from streamroute.config.regex.writing import for_python, for_rust, is_anchored

_MAX_TRIED: Final = 2_000  # steps of `re`, about ten nanoseconds each: no more than the automaton takes
_MAX_WAYS: Final = 16
_A_PATTERN: Final = 100
_CHARACTERS: Final = 32  # that take about as long as one step


class Pattern:
    """A parsed pattern. Raises RegexError if it is invalid or cannot be matched in bounded time."""

    def __init__(self, text: str) -> None:
        read: Regex = parse(text)
        self.text = text
        self.effort: Effort = effort(read.root, is_anchored=is_anchored(read.root))
        self.work = _A_PATTERN + len(text) + size_of(read.root) + self.effort.compared
        """The work of parsing and analyzing the pattern."""
        self._root = read.root
        self._has_backreferences = read.has_backreferences
        if read.has_backreferences:
            if self.effort.is_exponential or not self.effort.is_known:
                raise RegexError("its backreferences may take exponential time to match")
            if self._search is None:
                raise RegexError("a lookbehind in a pattern with backreferences must have a fixed width")

    @cached_property
    def for_rust(self) -> str | None:
        """The equivalent pattern for Rust's ``regex``; None if it uses a feature that ``regex`` lacks."""
        return for_rust(self._root)

    @cached_property
    def _search(self) -> Callable[[str], object] | None:
        """The search function of ``re``; None if ``re`` cannot express the pattern."""
        pattern = for_python(self._root)
        try:
            return None if pattern is None else re.compile(pattern).search
        except (re.error, OverflowError, RecursionError):
            return None

    @cached_property
    def _automaton(self) -> Automaton | None:
        return None if self._has_backreferences else Automaton(self._root)

    def matches(self, text: str, spend: Spend) -> bool:
        """Whether the pattern matches anywhere in ``text``; ``spend`` receives the steps, and may raise."""
        length, bound = len(text), self.effort
        if _is_quick(bound, length) and self._search is not None:
            spend(1 + length // _CHARACTERS)
            return self._search(text) is not None
        if self._automaton is not None:
            return self._automaton.search(text, spend)
        spend(bound.ways * (length + 1) ** bound.degree // _CHARACTERS)
        assert self._search is not None  # noqa: S101 - a backreference is all that the automaton lacks
        return self._search(text) is not None


def _is_quick(bound: Effort, length: int) -> bool:
    if bound.degree == 1 and bound.ways <= _MAX_WAYS and bound.is_known and not bound.is_exponential:
        return True
    return bound.within(length, _MAX_TRIED)


@lru_cache(maxsize=4096)
def pattern_for(text: str) -> Pattern:
    """Return the cached pattern of a text; raises RegexError if it is invalid or unsupported."""
    return Pattern(text)
