"""Functions that generated code calls: the parts of JMESPath that are too long to inline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamroute.expressions.evaluate.interpreter import FUNCTIONS, is_falsy, order

SENTINEL: Final = object()
"""Equals no value: ``(t := x) is SENTINEL or y`` evaluates x, then y."""


class _Expression:
    """``&expression`` as the library's functions accept it: they test the name of its class."""

    __slots__ = ("_evaluate", "expression")

    def __init__(self, evaluate: Callable[[Any], Any]) -> None:
        self._evaluate = evaluate
        self.expression = None

    def visit(self, _node: Any, value: Any) -> Any:
        return self._evaluate(value)


def field(value: Any, name: str) -> Any:
    """Return a field of anything that has ``get``, else null."""
    try:
        return value.get(name)
    except AttributeError:
        return None


def index(value: Any, position: int) -> Any:
    """Return an element of a list, from the end if negative; null if out of range or not a list."""
    if not isinstance(value, list):
        return None
    try:
        return value[position]
    except IndexError:
        return None


def values_of(value: Any) -> Any:
    """Return the values of a mapping, else null."""
    try:
        return value.values()
    except AttributeError:
        return None


def flatten(value: Any) -> Any:
    """Return a list with its inner lists flattened one level, else null."""
    if not isinstance(value, list):
        return None
    merged: list[Any] = []
    for element in value:
        merged.extend(element) if isinstance(element, list) else merged.append(element)
    return merged


def is_truthy(value: Any) -> bool:
    """Whether a value is true in JMESPath."""
    return not is_falsy(value)


def length(value: Any) -> Any:
    """``length()``, with a fast path for plain types."""
    kind = value.__class__
    if kind is list or kind is str or kind is dict:
        return len(value)
    return FUNCTIONS.call_function("length", [value])


def not_null(*values: Any) -> Any:
    """``not_null()``."""
    for value in values:
        if value is not None:
            return value
    return None


NAMES: Final[Mapping[str, Any]] = {
    "SENTINEL": SENTINEL,
    "call": FUNCTIONS.call_function,
    "expref": _Expression,
    "field": field,
    "flatten": flatten,
    "is_truthy": is_truthy,
    "index": index,
    "length": length,
    "not_null": not_null,
    "order": order,
    "values_of": values_of,
}
"""Everything that generated code may reference, besides its own variables and Python's builtins."""
