"""JSON equality: 1 equals 1.0 but not true, and the order of an object's keys does not matter."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from streamroute.compiler.validation.budget import BITS_PER_VALUE, Budget

_HASHED: Final = 2**60
"""Beyond this, many integers have the same hash in Python; an attacker could fill a set with them."""


def frozen(value: Any, budget: Budget) -> Any:
    """A hashable form that is equal for two values exactly if they are equal as JSON."""
    budget.spend(1)
    if isinstance(value, str):
        budget.spend(len(value) // 64)
        return value
    if value is None or isinstance(value, bool):
        return ("is", value)
    if isinstance(value, dict):
        parts = []
        for key, item in value.items():
            parts.append((key, frozen(item, budget)))
        return ("object", frozenset(parts))
    if isinstance(value, (list, tuple)):
        items = []
        for item in value:
            items.append(frozen(item, budget))  # noqa: PERF401 - as above
        return ("array", tuple(items))
    return _number(value, budget)


def _number(value: Any, budget: Budget) -> Any:
    if not isinstance(value, (int, float)) or not -_HASHED < value < _HASHED:
        if isinstance(value, float) and not isfinite(value):
            return value
        if value == int(value):
            integer = int(value)
            budget.spend(integer.bit_length() // BITS_PER_VALUE)
            return ("number", hex(integer))
    return value
