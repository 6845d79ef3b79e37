"""Patterns in a route's types: ``booking.*`` means the types of the catalogue that it matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

MAX_COMPARED: Final = 3_000_000_000
"""Characters that the patterns of a configuration are compared with: half a minute, for 4,000 patterns over
10,000 types."""

MAX_TYPES: Final = 5_000_000
"""Types that all routes take by patterns, together: some 40 MB."""

_COST_OF_NAME: Final = 50
"""Characters that each name counts for, beside its own."""

_MAX_LENGTH: Final = 2_000
"""Characters of a pattern; a longer one matches nothing."""

_COST_OF_BRACKET: Final = 4
"""How often a pattern is counted for each ``[``: fnmatch searches for its end."""

_WILDCARDS: Final = frozenset("*?[")


def is_pattern(name: str) -> bool:
    """Whether a type is a pattern."""
    return not _WILDCARDS.isdisjoint(name)


class TypePatterns:
    """Expands patterns over the types of a catalogue; each pattern is matched once.

    ``*`` matches any characters, dots included, ``?`` one, ``[ab]`` one of several.
    """

    def __init__(self, catalogue: Iterable[str]) -> None:
        self._names = tuple(catalogue)
        self._cost = sum(map(len, self._names)) + _COST_OF_NAME * len(self._names)
        self._matches: dict[str, tuple[str, ...]] = {}
        self._compared = self._expanded = 0
        self.is_exhausted = False
        """Whether a limit was exceeded; later patterns match nothing."""

    def matches(self, pattern: str) -> tuple[str, ...]:
        """The types that a pattern matches, in the order of the catalogue."""
        if pattern not in self._matches:
            self._matches[pattern] = self._match(pattern) if len(pattern) <= _MAX_LENGTH else ()
        return self._matches[pattern]

    def _match(self, pattern: str) -> tuple[str, ...]:
        self._compared += self._cost + len(pattern) * pattern.count("[") * _COST_OF_BRACKET
        if self._compared > MAX_COMPARED:
            self.is_exhausted = True
            return ()
        return tuple(name for name in self._names if fnmatchcase(name, pattern))

    def expand(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """The types that a route takes, each once."""
        if not any(map(is_pattern, types)):
            return types
        self._expanded += sum(len(self.matches(name)) for name in types if is_pattern(name))
        if self._expanded > MAX_TYPES:
            self.is_exhausted = True
            return tuple(name for name in types if not is_pattern(name))
        return tuple(dict.fromkeys(self._each(types)))

    def _each(self, types: tuple[str, ...]) -> Iterator[str]:
        for name in types:
            yield from self.matches(name) if is_pattern(name) else (name,)
