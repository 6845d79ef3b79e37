"""Differences between two JSON values, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streamroute.expressions.explain.trace_explanation import as_text


def differing(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yield a line per difference: ``tier is "silver", expected "gold"``. 1 equals 1.0, but not true."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _in_mappings(expected, actual, path)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from differing(*pair, f"{path}[{index}]")
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield f"{path or 'the payload'} is {as_text(actual)}, expected {as_text(expected)}"


def _in_mappings(expected: Mapping[str, Any], actual: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in expected.items():
        below = f"{path}.{key}" if path else key
        if key in actual:
            yield from differing(value, actual[key], below)
        else:
            yield f"{below} is missing, expected {as_text(value)}"
    for key in actual:
        if key not in expected:
            yield f"{f'{path}.{key}' if path else key} is {as_text(actual[key])}, expected no such key"
