"""Expansion: a value that holds others twice is larger for whoever walks through it than it is.

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
    return _is_larger(value, MOST) and _is_larger(value, max(MOST, _TIMES * _size(value)))


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
        stack.extend([one for one in held if type(one) not in _SCALARS])
    return False


def _size(value: Any) -> int:
    """How many values there are, each container looked at once."""
    stack, seen, size = [value], set[int](), 0
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        held = _held(one)
        size += len(held)
        stack.extend([inner for inner in held if type(inner) not in _SCALARS])
    return size


def _held(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return value
    return value.values() if isinstance(value, Mapping) else ()
