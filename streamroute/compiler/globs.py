"""Patterns in a route's types: ``booking.*`` stands for the types of the catalogue that it matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

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
        self._found: dict[str, tuple[str, ...]] = {}

    def matches(self, pattern: str) -> tuple[str, ...]:
        """The types that a pattern stands for, in the order of the catalogue."""
        if pattern not in self._found:
            self._found[pattern] = tuple(name for name in self._names if fnmatchcase(name, pattern))
        return self._found[pattern]

    def expand(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """The types that a route takes, each once."""
        if not any(map(is_glob, types)):
            return types
        return tuple(dict.fromkeys(self._each(types)))

    def _each(self, types: tuple[str, ...]) -> Iterator[str]:
        for name in types:
            yield from self.matches(name) if is_glob(name) else (name,)
