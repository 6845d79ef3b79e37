"""A file's data without what can't be used, so that the rest can still be checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamroute.config.source import DataPath

_NAMED: Final = ("streams", "messages")
LOST: Final = object()
"""Stands in a route for a value that can't be used: there is something, and nobody knows what."""


def prune(data: dict[str, Any], broken: Iterable[DataPath], meant: Mapping[DataPath, str]) -> dict[str, Any]:
    """A copy of ``data`` without its broken parts.

    A value under a misspelt key (``meant``) moves to the key that was meant. A broken stream or message type
    keeps its name, or every route that names it would be reported too. Findings forbid to run what is left.
    """
    pruned = dict(data)
    for path, key in meant.items():
        pruned = _renamed(pruned, path, key)
    left = [path for path in broken if path not in meant]
    if isinstance(pruned.get("routes"), list):
        pruned["routes"] = _prune_routes(pruned["routes"], left)
    for path in left:
        if path[0] != "routes" or len(path) == 1:
            _prune_setting(pruned, path)
    return pruned


def _renamed(data: Any, path: DataPath, key: str) -> Any:
    """A copy of ``data`` in which the last key of ``path`` is called ``key``."""
    if len(path) == 1:
        return {(key if name == path[0] else name): value for name, value in data.items()}
    copy: Any = list(data) if isinstance(data, list) else dict(data)
    copy[path[0]] = _renamed(data[path[0]], path[1:], key)
    return copy


def _prune_routes(routes: list[Any], broken: Iterable[DataPath]) -> list[Any]:
    pruned = list(routes)
    for path in broken:
        if path[0] == "routes" and len(path) > 1 and isinstance(path[1], int):
            at = path[1]
            # None keeps the positions of the others, which their places are made of.
            lost = None if len(path) == 2 or pruned[at] is None else {**pruned[at], path[2]: LOST}
            pruned[at] = lost
    return pruned


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
