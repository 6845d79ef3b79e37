"""Names of values, types and places in findings."""

from __future__ import annotations

from typing import Final

from streamroute.config.json_schema import ROUTES, TESTS, schema_at
from streamroute.config.yaml.source import DataPath

_HOMES: Final[dict[str, tuple[DataPath, ...]]] = {
    ROUTES: ((), ("routes", 0), ("streams", ""), ("redis",), ("handlers",), ("streams", "", "retry")),
    TESTS: ((), ("tests", 0)),
}
_ITEMS: Final = {"routes": "a route", "tests": "a test"}


def label(path: DataPath) -> str:
    """Return the name of a value in findings: its key, or its position in a list."""
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        item = _ITEMS.get(str(path[0])) if len(path) == 2 else None
        return item or f'item {path[-1] + 1} of "{path[-2]}"'
    return f'"{path[-1]}"'


def mapping_label(path: DataPath) -> str:
    """Return the name of a mapping in findings."""
    return f'stream "{path[1]}"' if path[:1] == ("streams",) and len(path) == 2 else label(path)


def location_phrase(path: DataPath) -> str:
    """Return the place of a key: ``in a route``, ``at the top level``."""
    return f"in {mapping_label(path)}" if path else "at the top level"


def home_phrase(key: str, schema: str = ROUTES) -> str | None:
    """Return the place where a misplaced key belongs, or None."""
    for path in _HOMES[schema]:
        if key in schema_at(path, schema).get("properties", {}):
            return "in a stream" if path == ("streams", "") else location_phrase(path)
    return None
