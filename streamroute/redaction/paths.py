"""The paths of ``redact:``: which fields of a payload are hidden from people, and a matcher for all of them.

A path is ``guest.email``, ``cards[].number``, ``"e-mail".address``, ``guest.*`` or ``**.password``. A matcher
walks a payload along all paths at once. It hides rather too much than too little: a list is searched as its
elements are, with or without ``[]``, and ``*`` also matches elements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

_NAME: Final = r'[A-Za-z_][A-Za-z0-9_-]*|"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})+"'
_STEP: Final = re.compile(rf"(\*\*|\*|{_NAME})(?:\[\*?\])*(\.|\Z)")
_MAX_NODES: Final = 10_000
"""Nodes to keep; with several ``**``, hostile payloads could ask for more."""


class ANY:
    """A step to any field or element."""


class DEEP:
    """A step over any number of levels, none included."""


Step = str | type[ANY] | type[DEEP]
_WILDCARDS: Final[dict[str, Step]] = {"*": ANY, "**": DEEP}


def parse_path(path: str) -> tuple[Step, ...]:
    """Return the steps of a path; raises ValueError for a text that is no path."""
    steps: list[Step] = []
    at, more = 0, True
    while more:
        found = _STEP.match(path, at)
        if found is None:
            raise ValueError(f"{path!r} is not a path to a field, such as guest.email")
        steps.append(_step(found[1]))
        at, more = found.end(), bool(found[2])
    if steps[-1] is DEEP:  # every field below, at whatever level: hide those of the next level as a whole
        steps[-1] = ANY
    return tuple(steps)


def _step(text: str) -> Step:
    if text in _WILDCARDS:
        return _WILDCARDS[text]
    name: str = json.loads(text) if text.startswith('"') else text
    return name


_Position = tuple[int, int]
"""A path, and how many of its steps were made."""


class PathMatcher:
    """A position in a payload, for all paths at once; ``field`` and ``elements`` lead further.

    ``hides``: a path ends here. ``is_idle``: no path leads to this value or below it.
    """

    __slots__ = ("_automaton", "_positions", "hides", "names")

    def __init__(self, automaton: _Automaton, positions: frozenset[_Position]) -> None:
        paths = automaton.paths
        self._automaton = automaton
        self._positions = positions
        self.hides = any(at == len(paths[path]) for path, at in positions)
        self.names = frozenset(
            step for path, at in positions for step in paths[path][at:] if isinstance(step, str)
        )

    @property
    def is_idle(self) -> bool:
        """Whether no path leads to this value or below it."""
        return not self._positions

    @property
    def hides_any_name(self) -> bool:
        """Whether a path may hide a field below this value, whatever its name is."""
        paths = self._automaton.paths
        return any(at < len(paths[path]) and paths[path][-1] is ANY for path, at in self._positions)

    def field(self, name: object) -> PathMatcher:
        """Return the position at a field of this object."""
        if not self._positions:
            return self
        if name in self.names:
            return self._automaton.after_field(self._positions, str(name))
        return self._automaton.after_field(self._positions, None)

    def elements(self) -> PathMatcher:
        """Return the position at the elements of this list."""
        return self._automaton.at_elements(self._positions) if self._positions else self

    def beside(self, other: PathMatcher) -> PathMatcher:
        """Return the position at which the paths of both lead on."""
        return self._automaton.node(self._positions | other._positions)


class _Automaton:
    """The paths, and the positions that payloads have led to."""

    def __init__(self, paths: Iterable[tuple[Step, ...]]) -> None:
        self.paths = tuple(dict.fromkeys(paths))
        self._nodes: dict[frozenset[_Position], PathMatcher] = {}
        self._fields: dict[tuple[frozenset[_Position], str | None], PathMatcher] = {}

    def node(self, positions: Iterable[_Position]) -> PathMatcher:
        closed = frozenset(self._closed(positions))
        if closed not in self._nodes:
            if len(self._nodes) >= _MAX_NODES:
                self._nodes.clear()
            self._nodes[closed] = PathMatcher(self, closed)
        return self._nodes[closed]

    def after_field(self, positions: frozenset[_Position], name: str | None) -> PathMatcher:
        """Return the position at a field; None is any name that no path names."""
        key = positions, name
        if key not in self._fields:
            if len(self._fields) >= _MAX_NODES:
                self._fields.clear()
            self._fields[key] = self.node(self._after(positions, name))
        return self._fields[key]

    def at_elements(self, positions: frozenset[_Position]) -> PathMatcher:
        return self.node({*positions, *self._after(positions, None)})

    def _after(self, positions: Iterable[_Position], name: str | None) -> Iterator[_Position]:
        for path, at in positions:
            step = self.paths[path][at] if at < len(self.paths[path]) else None
            if step is DEEP:
                yield path, at
            elif step is ANY or (step is not None and step == name):
                yield path, at + 1

    def _closed(self, positions: Iterable[_Position]) -> Iterator[_Position]:
        """Yield the positions, and those behind a step over no level."""
        for path, at in positions:
            yield path, at
            steps = self.paths[path]
            while at < len(steps) and steps[at] is DEEP:
                at += 1  # noqa: PLW2901 - it walks on along the path
                yield path, at


def path_matcher(paths: Iterable[tuple[Step, ...]]) -> PathMatcher:
    """Return the position of a whole payload."""
    automaton = _Automaton(paths)
    return automaton.node((path, 0) for path in range(len(automaton.paths)))
