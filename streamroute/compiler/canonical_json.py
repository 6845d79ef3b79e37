"""Canonical JSON: one text for all values that are equal in JMESPath."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from streamroute.expansion import refuse_expanding


def canonical_json(value: Any) -> str:
    """Return a text in ASCII that is equal for two values exactly if they are equal in JMESPath.

    Keys are sorted, there are no spaces, and a whole number has no fraction: 1.0 is 1. Raises ExpansionError
    for a value that would be far larger as text.
    """
    kind = type(value)
    if kind is str or kind is int:
        return _encode(value) if kind is str else str(value)  # most keys, at a fraction of the cost
    refuse_expanding(value)
    return _encode(_canonical(value))


_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr).encode


def _canonical(value: Any) -> Any:
    """Normalize numbers: in JMESPath 1.0 equals 1, but not true."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value
