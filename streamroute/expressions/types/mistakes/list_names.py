"""Names of lists: ``items``, but not ``settings``."""

from __future__ import annotations

import re
from typing import Final

from streamroute.expressions.syntax.parser import Node

_OBJECTS: Final = frozenset(
    {"details", "settings", "params", "options", "headers", "labels", "attributes", "properties", "totals"}
    | {"stats", "metrics", "prices", "amounts", "specs", "dimensions", "measurements", "status", "address"}
    | {"sizes", "analytics", "statistics", "series", "results", "credentials", "preferences", "coords"}
)
"""Plural names that are objects."""

_LISTS: Final = frozenset({"list", "array", "cart", "basket", "children", "people"})


def is_list_name(node: Node) -> bool:
    """Whether a field's name is that of a list."""
    name = node.get("value")
    return node["type"] == "field" and isinstance(name, str) and (_is_plural(name) or name in _LISTS)


def _is_plural(name: str) -> bool:
    lower = re.split(r"_|(?<=[a-z])(?=[A-Z])", name)[-1].lower()
    return (
        len(lower) > 3
        and lower.endswith("s")
        and not lower.endswith(("ss", "us", "is"))
        and lower not in _OBJECTS
    )
