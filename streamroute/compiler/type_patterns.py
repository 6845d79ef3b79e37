"""Patterns in a route's types: ``booking.*`` stands for the types of the catalogue that it matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

MOST_COMPARED: Final = 3_000_000_000
"""Characters that the patterns of a configuration are compared with: half a minute, for 4,000 patterns over
10,000 types."""

MOST_TYPES: Final = 5_000_000
"""Types that all routes take by patterns, together: some 40 MB."""

_A_NAME: Final = 50
"""Characters that looking at one more name counts as."""

_LONGEST: Final = 2_000
"""Characters of a pattern; a longer one stands for no type."""

_A_BRACKET: Final = 4
"""How often a pattern is counted for each ``[`` in it, whose end is looked for."""

_SIGNS: Final = frozenset("*?[")


def is_glob(name: str) -> bool:
    """Whether a type is a pattern."""
    return not _SIGNS.isdisjoint(name)


class Globs:
    """Expands patterns over the types of a catalogue; each pattern is matched once.

    ``*`` stands for any characters, dots included, ``?`` for one, ``[ab]`` for one of several.
    """

    def __init__(self, catalogue: Iterable[str]) -> None:
        self._names = tuple(catalogue)
        self._cost = sum(map(len, self._names)) + _A_NAME * len(self._names)
        self._found: dict[str, tuple[str, ...]] = {}
        self._compared = self._expanded = 0
        self.is_spent = False
        """Whether there was too much to match or to expand; what came after it stands for no type."""

    def matches(self, pattern: str) -> tuple[str, ...]:
        """The types that a pattern stands for, in the order of the catalogue."""
        if pattern not in self._found:
            self._found[pattern] = self._match(pattern) if len(pattern) <= _LONGEST else ()
        return self._found[pattern]

    def _match(self, pattern: str) -> tuple[str, ...]:
        self._compared += self._cost + len(pattern) * pattern.count("[") * _A_BRACKET
        if self._compared > MOST_COMPARED:
            self.is_spent = True
            return ()
        return tuple(name for name in self._names if fnmatchcase(name, pattern))

    def expand(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """The types that a route takes, each once."""
        if not any(map(is_glob, types)):
            return types
        self._expanded += sum(len(self.matches(name)) for name in types if is_glob(name))
        if self._expanded > MOST_TYPES:
            self.is_spent = True
            return tuple(name for name in types if not is_glob(name))
        return tuple(dict.fromkeys(self._each(types)))

    def _each(self, types: tuple[str, ...]) -> Iterator[str]:
        for name in types:
            yield from self.matches(name) if is_glob(name) else (name,)
