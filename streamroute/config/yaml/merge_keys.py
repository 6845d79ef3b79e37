"""Merge keys (``<<``): add the keys of other mappings that the mapping itself does not have."""

from __future__ import annotations

from typing import Any


def merge(data: dict[str, Any], value: object) -> int | None:
    """Merge a mapping, or a list of mappings where earlier ones win, into ``data``.

    Return the number of keys processed, or None if ``value`` cannot be merged.
    """
    items = value if isinstance(value, list) else [value]
    sources = [source for source in items if isinstance(source, dict)]
    if len(sources) < len(items):
        return None
    for source in sources:
        data.update({key: item for key, item in source.items() if key not in data})
    return sum(len(source) for source in sources)
