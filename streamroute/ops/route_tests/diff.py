"""Differences between two JSON values, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from streamroute.expressions.explain.trace_explanation import as_text

MISSING: Final = object()
"""The value of a key that one of two mappings does not have."""


class ValueDifference(NamedTuple):
    """Two parts of two values that differ, at a path such as ``items[0].price``; empty for the values."""

    path: str
    expected: Any
    actual: Any


def differing(expected: Any, actual: Any) -> Iterator[str]:
    """Yield a line per difference: ``tier is "silver", expected "gold"``. 1 equals 1.0, but not true."""
    for path, one, other in differences(expected, actual):
        if other is MISSING:
            yield f"{path} is missing, expected {as_text(one)}"
        else:
            wanted = "no such key" if one is MISSING else as_text(one)
            yield f"{path or 'the payload'} is {as_text(other)}, expected {wanted}"


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[ValueDifference]:
    """Yield each difference. 1 equals 1.0, but not true."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _in_mappings(expected, actual, path)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield ValueDifference(path, expected, actual)


def _in_mappings(
    expected: Mapping[str, Any], actual: Mapping[str, Any], path: str
) -> Iterator[ValueDifference]:
    for key, value in expected.items():
        below = f"{path}.{key}" if path else key
        if key in actual:
            yield from differences(value, actual[key], below)
        else:
            yield ValueDifference(below, value, MISSING)
    for key in actual:
        if key not in expected:
            yield ValueDifference(f"{path}.{key}" if path else key, MISSING, actual[key])
