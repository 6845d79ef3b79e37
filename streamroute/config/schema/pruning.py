"""Remove the invalid parts of a file's data, so that the rest can still be checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

from streamroute.config.yaml.source import DataPath

_NAMED: Final = ("streams", "messages")
INVALID: Final = object()
"""Placeholder in a route for a value that is present but invalid."""


def prune(
    data: dict[str, Any], invalid: Iterable[DataPath], renamed: Mapping[DataPath, str]
) -> dict[str, Any]:
    """Return a copy of ``data`` without its invalid parts.

    ``renamed`` maps the path of a misspelled key to the intended key, to which its value moves. An invalid
    stream or message type keeps its name: otherwise each route that refers to it would be reported, too.
    """
    pruned = _Copies(data)
    for path, key in renamed.items():
        _rename(pruned.of(path[:-1]), path[-1], key)
    for path in invalid:
        if path in renamed:
            continue
        if path[0] != "routes" or len(path) == 1:
            _prune_setting(pruned, path)
        elif isinstance(path[1], int) and isinstance(pruned.data.get("routes"), list):
            _prune_route(pruned, path)
    return pruned.data


class _Copies:
    """A copy-on-write view of ``data``: each mapping and list is copied once, before its first change."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = dict(data)
        self._copied: set[DataPath] = {()}

    def of(self, path: DataPath) -> Any:
        """Return the copy of the mapping or list at ``path``, which may be changed."""
        if not path:
            return self.data
        holder = self.of(path[:-1])
        if path not in self._copied:
            self._copied.add(path)
            holder[path[-1]] = copy(holder[path[-1]])
        return holder[path[-1]]


def _rename(mapping: dict[object, Any], old: object, new: str) -> None:
    """Rename a key without changing the order of keys."""
    items = [(new if name == old else name, value) for name, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


def _prune_route(pruned: _Copies, path: DataPath) -> None:
    # Replace an invalid route by None: the locations of the other routes depend on their positions.
    if len(path) == 2:
        pruned.of(path[:1])[path[1]] = None
    elif (route := pruned.of(path[:2])) is not None:
        route[path[2]] = INVALID


def _prune_setting(pruned: _Copies, path: DataPath) -> None:
    key = str(path[0])
    if len(path) == 1 or not isinstance(pruned.data.get(key), dict):
        pruned.data.pop(key, None)
    elif key not in _NAMED:
        pruned.of(path[:1]).pop(path[1], None)
    elif len(path) == 2 or not pruned.data[key].get(path[1]):
        pruned.of(path[:1])[path[1]] = {}
    else:
        pruned.of(path[:2]).pop(path[2], None)
