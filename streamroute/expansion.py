"""Detect values with shared parts, which are larger when traversed than they are in memory.

Parsed JSON shares nothing. A user's codec may build any value: 40 levels of ``[k, k]`` are 2**40 values
when written out, and traversing a value that contains itself never ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MAX_VALUES: Final = 100_000
"""Number of values; fewer are traversed in negligible time."""

_TIMES: Final = 4
_SCALARS: Final = frozenset({str, int, float, bool, bytes, type(None)})


class ExpansionError(ValueError):
    """Raised for a value that is far larger when traversed than it is in memory."""

    def __init__(self) -> None:
        super().__init__(
            f"it contains itself, or the same values so often that they are more than {MAX_VALUES:,}"
        )


def is_expanding(value: Any) -> bool:
    """Whether a traversal meets more than ``MAX_VALUES`` values, most of them shared ones met repeatedly."""
    if not _is_larger(value, MAX_VALUES):
        return False
    size, shares = _count_values(value)
    return shares and _is_larger(value, max(MAX_VALUES, _TIMES * size))


def refuse_expanding(value: Any) -> None:
    """Raise ExpansionError if the value is expanding."""
    if is_expanding(value):
        raise ExpansionError


def _is_larger(value: Any, limit: int) -> bool:
    """Whether a traversal meets more than ``limit`` values."""
    stack, remaining = [value], limit
    while stack:
        held = _elements(stack.pop())
        remaining -= len(held)
        if remaining < 0:
            return True
        for element in held:
            if type(element) not in _SCALARS:
                stack.append(element)  # noqa: PERF401 - most hold none, and a list of none costs as much
    return False


def _count_values(value: Any) -> tuple[int, bool]:
    """Return the number of values, visiting each container once, and whether any container is shared."""
    stack, seen, size, shares = [value], set[int](), 0, False
    while stack:
        element = stack.pop()
        if id(element) in seen:
            shares = True
            continue
        seen.add(id(element))
        held = _elements(element)
        size += len(held)
        stack.extend([inner for inner in held if type(inner) not in _SCALARS])
    return size, shares


def _elements(value: Any) -> Any:
    if type(value) is dict:
        return value.values()
    if isinstance(value, (list, tuple)):
        return value
    return value.values() if isinstance(value, Mapping) else ()
