"""A file's data without what can't be used, so that the rest can still be checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from streamroute.config.source import DataPath

_NAMED: Final = ("streams", "messages")
_NEEDED: Final = frozenset({"name", "stream", "type", "handler"})


def prune(data: dict[str, Any], broken: Iterable[DataPath]) -> dict[str, Any]:
    """A copy of ``data`` without its broken parts.

    A route without a part that says what it is goes as a whole; a broken stream or message type keeps its
    name, or every route that names it would be reported too. Findings forbid to run what is left.
    """
    pruned = dict(data)
    lost: set[int] = set()
    for path in broken:
        if path[0] == "routes" and len(path) > 1:
            _prune_route(pruned, path, lost)
        else:
            _prune_setting(pruned, path)
    if lost:
        # None keeps the positions of the others, which their places are made of.
        pruned["routes"] = [None if at in lost else route for at, route in enumerate(pruned["routes"])]
    return pruned


def _prune_route(pruned: dict[str, Any], path: DataPath, lost: set[int]) -> None:
    at = path[1]
    if not isinstance(at, int):
        return
    if len(path) == 2 or path[2] in _NEEDED:
        lost.add(at)
        return
    routes = list(pruned["routes"])
    routes[at] = {key: value for key, value in routes[at].items() if key != path[2]}
    pruned["routes"] = routes


def _prune_setting(pruned: dict[str, Any], path: DataPath) -> None:
    key = str(path[0])
    if len(path) == 1 or not isinstance(pruned.get(key), dict):
        pruned.pop(key, None)
    elif key in _NAMED and len(path) == 2:
        pruned[key] = {**pruned[key], path[1]: {}}
    elif key in _NAMED:
        settings = pruned[key].get(path[1]) or {}
        pruned[key] = {**pruned[key], path[1]: _without(settings, path[2])}
    else:
        pruned[key] = _without(pruned[key], path[1])


def _without(mapping: dict[str, Any], key: object) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}
