"""Route table: look up the candidate routes of a message in an index, instead of trying all filters.

A filter may have an attribute ``equalities``: pairs of a path (the keys that lead to a value in the payload)
and a string or number. They are a promise: if the value at one of the paths differs, the filter returns false
and does not raise. The index skips such routes. All other filters, and those of the routes that the index
finds, are evaluated in the order of registration.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from streamroute.core.dispatch.routes import Route

Path = tuple[str, ...]
Equality = tuple[Path, str | int | float]

_MAX_SCANNED_ROUTES: Final = 8  # up to this many routes, trying all filters is as fast
_MAX_INDEXES: Final = 8  # each costs one lookup per message
_SIMPLE: Final = (str, int, float)  # types of values that an index supports
_PLAIN: Final = (dict, list, bool, type(None))  # JSON types that never equal a string or number
_UNKNOWN: Final = object()


class RouteTable:
    """The routes of one message type, in order; ``is_plain`` if all filters must be evaluated.

    ``only`` is the route of a type with a single route.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = routes
        self._indexes, self._others = _indexed(routes)
        self.is_plain = bool(routes) and not self._indexes
        self.only = routes[0] if len(routes) == 1 else None

    def candidates(self, payload: Mapping[str, Any]) -> Sequence[Route]:
        """Return the routes whose filters may be true for this payload, in order."""
        found = [index.find(payload) for index in self._indexes]
        positions = sorted(chain(self._others, *found)) if self._others or len(found) != 1 else found[0]
        return [self.routes[position] for position in positions]


class _Index:
    """Routes by the value that they require at one path."""

    def __init__(self, path: Path, wanted: Mapping[int, str | int | float]) -> None:
        self._path = path
        self._all = list(wanted)
        self._by_value: dict[object, list[int]] = defaultdict(list)
        for position, value in wanted.items():
            self._by_value[value].append(position)

    def find(self, payload: Mapping[str, Any]) -> Sequence[int]:
        """Return the positions of the routes that may accept the payload's value."""
        try:
            value = _value_at(self._path, payload)
        except BaseException:  # noqa: BLE001 - what a codec of the user's made may raise: the filters say so
            return self._all
        value_type = type(value)
        if value_type is str or value_type is int or value_type is float:
            return self._by_value.get(value, ())
        return () if value_type in _PLAIN else self._all


def _value_at(path: Path, payload: Any) -> Any:
    value = payload
    for name in path:
        if isinstance(value, dict):
            value = value.get(name)
        else:
            return None if type(value) in (*_SIMPLE, *_PLAIN) else _UNKNOWN
    return value


def _indexed(routes: Sequence[Route]) -> tuple[list[_Index], Sequence[int]]:
    """Return indexes that cover as many routes as possible, and the positions of the other routes."""
    wanted = {position: _equalities(route) for position, route in enumerate(routes)}
    indexes: list[_Index] = []
    while len(indexes) < _MAX_INDEXES and len(wanted) > _MAX_SCANNED_ROUTES:
        path = _most_selective_path(wanted.values())
        covered = {position: values[path] for position, values in wanted.items() if path in values}
        if len(covered) <= _MAX_SCANNED_ROUTES:
            break
        indexes.append(_Index(path, covered))
        wanted = {position: values for position, values in wanted.items() if position not in covered}
    return indexes, list(wanted)


def _most_selective_path(wanted: Iterable[Mapping[Path, str | int | float]]) -> Path:
    """Return the path with the most distinct values."""
    values: dict[Path, set[object]] = defaultdict(set)
    counts: dict[Path, int] = defaultdict(int)
    for by_path in wanted:
        for path, value in by_path.items():
            values[path].add(value)
            counts[path] += 1
    return max(values, key=lambda path: (len(values[path]), counts[path]), default=())


def _equalities(route: Route) -> Mapping[Path, str | int | float]:
    """Return the values that a route's filter requires, by path; the first of duplicate paths counts."""
    try:
        stated: Iterable[Equality] = getattr(route.accepts, "equalities", ())
        equalities = dict(reversed(list(stated)))
    except BaseException:  # noqa: BLE001 - a filter of the user's that has such a name for something else
        return {}
    return {
        path: value for path, value in equalities.items() if type(path) is tuple and type(value) in _SIMPLE
    }
