"""``<<``: the keys of other mappings, where the mapping itself does not hold them."""

from __future__ import annotations

from typing import Any


def merge(data: dict[str, Any], value: object) -> int | None:
    """Merge a mapping, or a list of them where earlier ones win, into ``data``.

    Returns how many keys were looked at, or None where ``value`` can't be merged.
    """
    stated = value if isinstance(value, list) else [value]
    sources = [source for source in stated if isinstance(source, dict)]
    if len(sources) < len(stated):
        return None
    for source in sources:
        data.update({key: item for key, item in source.items() if key not in data})
    return sum(len(source) for source in sources)
