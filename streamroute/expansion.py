"""Expansion: a value that holds others twice is larger when it is traversed than it is in memory.

What is read as JSON holds nothing twice. A codec of the user's own may make anything: 40 levels of ``[k, k]``
are 2**40 values when they are written, and what contains itself has no end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MOST: Final = 100_000
"""Values: fewer take no time to speak of, whatever is shared among them."""

_TIMES: Final = 4
_SCALARS: Final = frozenset({str, int, float, bool, bytes, type(None)})


class ExpansionError(ValueError):
    """Raised for a value that is far larger when it is walked through than it is."""

    def __init__(self) -> None:
        super().__init__(f"it contains itself, or the same values so often that they are more than {MOST:,}")


def is_expanding(value: Any) -> bool:
    """Whether it has more than ``MOST`` values, most of them only by being held again."""
    if not _is_larger(value, MOST):
        return False
    size, shares = _size(value)
    return shares and _is_larger(value, max(MOST, _TIMES * size))


def refuse_expanding(value: Any) -> None:
    """Raises ExpansionError for what is expanding."""
    if is_expanding(value):
        raise ExpansionError


def _is_larger(value: Any, most: int) -> bool:
    """Whether one comes by more values than that, walking through a value."""
    stack, left = [value], most
    while stack:
        held = _held(stack.pop())
        left -= len(held)
        if left < 0:
            return True
        for one in held:
            if type(one) not in _SCALARS:
                stack.append(one)  # noqa: PERF401 - most hold none, and a list of none costs as much
    return False


def _size(value: Any) -> tuple[int, bool]:
    """How many values there are, each container looked at once, and whether one was met again."""
    stack, seen, size, shares = [value], set[int](), 0, False
    while stack:
        one = stack.pop()
        if id(one) in seen:
            shares = True
            continue
        seen.add(id(one))
        held = _held(one)
        size += len(held)
        stack.extend([inner for inner in held if type(inner) not in _SCALARS])
    return size, shares


def _held(value: Any) -> Any:
    if type(value) is dict:
        return value.values()
    if isinstance(value, (list, tuple)):
        return value
    return value.values() if isinstance(value, Mapping) else ()
