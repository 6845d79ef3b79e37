"""What generated filters call: the parts of JMESPath that are not worth writing out in each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamroute.expressions.evaluate.interpreter import FUNCTIONS, is_falsy, order

SENTINEL: Final = object()
"""No value is this one: ``(t := x) is SENTINEL or y`` evaluates x, then y."""


class _Expression:
    """``&expression`` as the library's functions take it; they know it by the name of its class."""

    __slots__ = ("_evaluate", "expression")

    def __init__(self, evaluate: Callable[[Any], Any]) -> None:
        self._evaluate = evaluate
        self.expression = None

    def visit(self, _node: Any, value: Any) -> Any:
        return self._evaluate(value)


def field(value: Any, name: str) -> Any:
    """A field of anything that has ``get``, else null."""
    try:
        return value.get(name)
    except AttributeError:
        return None


def index(value: Any, position: int) -> Any:
    """An element of a list, from the end if negative; null beyond its ends and for all else."""
    if not isinstance(value, list):
        return None
    try:
        return value[position]
    except IndexError:
        return None


def values_of(value: Any) -> Any:
    """The values of a mapping, else null."""
    try:
        return value.values()
    except AttributeError:
        return None


def flatten(value: Any) -> Any:
    """A list with its inner lists opened one level, else null."""
    if not isinstance(value, list):
        return None
    merged: list[Any] = []
    for element in value:
        merged.extend(element) if isinstance(element, list) else merged.append(element)
    return merged


def is_truthy(value: Any) -> bool:
    """JMESPath's truth."""
    return not is_falsy(value)


def length(value: Any) -> Any:
    """``length()``, without the library's way round for what is plain."""
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
"""Everything that generated code may name, beside its own variables and Python's builtins."""
