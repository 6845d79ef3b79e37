"""Equality as JSON has it: 1 is 1.0 and not true, and the order of an object's keys is nothing."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from streamroute.compiler.validation.budget import BITS_PER_VALUE, Budget

_HASHED: Final = 2**60
"""Beyond this, Python gives many integers the same hash; an attacker could put them into one set."""


def frozen(value: Any, budget: Budget) -> Any:
    """What is equal, and has the same hash, where two values are equal as JSON."""
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
            whole = int(value)
            budget.spend(whole.bit_length() // BITS_PER_VALUE)
            return ("number", hex(whole))
    return value
