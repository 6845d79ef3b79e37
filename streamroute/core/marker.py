"""The reserved key that says: this is a retry, of these routes, for this group.

A retry scheduler of somebody else's (ARQ ...) is handed a payload with this key and brings it back
through the stream, where every group reads it again: the other groups let it pass, and in its own
group only the routes that failed run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

KEY: Final = "_streamroute"
VERSION: Final = 1
_MOST_ROUTES: Final = 1_000
_LONGEST_NAME: Final = 1_000  # characters
_FACTS: Final = frozenset(["v", "id", "group", "routes", "attempt"])


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose retry a payload is: the origin's id, the group, the routes to run and the attempt's number."""

    id: str
    group: str
    routes: frozenset[str]
    attempt: int

    def as_dict(self) -> dict[str, Any]:
        """The form that travels in the payload; ``read`` takes it back."""
        return {
            "v": VERSION,
            "id": self.id,
            "group": self.group,
            "routes": sorted(self.routes),
            "attempt": self.attempt,
        }


def read(value: object) -> Marker | None:
    """The marker in a payload's reserved key (an object, or its JSON text); None where it is not ours.

    Whoever can write to the stream can write this key, so nothing in it is taken on trust.
    """
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Mapping) or value.get("v") != VERSION or value.keys() != _FACTS:
        return (
            None  # a dead letter has more to tell: whoever reads those as a stream handles each as a message
        )
    entry_id, group, attempt = value.get("id"), value.get("group"), value.get("attempt")
    routes = _names(value.get("routes"))
    if not (isinstance(entry_id, str) and _is_name(entry_id) and isinstance(group, str) and routes):
        return None
    if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 1:
        return None
    return Marker(entry_id, group, routes, attempt)


def _names(value: object) -> frozenset[str] | None:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        return None
    names = list(value)
    return frozenset(names) if len(names) <= _MOST_ROUTES and all(map(_is_name, names)) else None


def _is_name(value: object) -> bool:
    """Whether this may be the name of a route or the id of an entry: it goes into logs and dead letters."""
    return isinstance(value, str) and len(value) <= _LONGEST_NAME
