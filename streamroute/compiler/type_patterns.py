"""Type patterns of routes: ``booking.*`` means the matching types of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

MAX_COMPARED: Final = 3_000_000_000
"""The most characters that a configuration's patterns are compared with: half a minute, for 4,000 patterns
over 10,000 types."""

MAX_TYPES: Final = 5_000_000
"""The most types that all routes match by patterns, in total: some 40 MB."""

_COST_OF_NAME: Final = 50
"""The fixed cost of comparing a name, in characters."""

_MAX_LENGTH: Final = 2_000
"""The longest pattern, in characters; a longer one matches nothing."""

_COST_OF_BRACKET: Final = 4
"""How often a pattern's length counts for each ``[``: fnmatch searches for its end."""

_WILDCARDS: Final = frozenset("*?[")


def is_pattern(name: str) -> bool:
    """Whether a type is a pattern."""
    return not _WILDCARDS.isdisjoint(name)


class TypePatterns:
    """Expands patterns to types of a catalogue; each pattern is matched once.

    ``*`` matches any characters, including dots, ``?`` one character, ``[ab]`` one of several.
    """

    def __init__(
        self, catalogue: Iterable[str], *, max_compared: int = MAX_COMPARED, max_types: int = MAX_TYPES
    ) -> None:
        self._names = tuple(catalogue)
        self._max_compared, self._max_types = max_compared, max_types
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
        if self._compared > self._max_compared:
            self.is_exhausted = True
            return ()
        return tuple(name for name in self._names if fnmatchcase(name, pattern))

    def expand(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """Expand the types of a route, each once."""
        if not any(map(is_pattern, types)):
            return types
        self._expanded += sum(len(self.matches(name)) for name in types if is_pattern(name))
        if self._expanded > self._max_types:
            self.is_exhausted = True
            return tuple(name for name in types if not is_pattern(name))
        return tuple(dict.fromkeys(self._each(types)))

    def _each(self, types: tuple[str, ...]) -> Iterator[str]:
        for name in types:
            yield from self.matches(name) if is_pattern(name) else (name,)
