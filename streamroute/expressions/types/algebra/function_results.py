"""The parameters and results of JMESPath's functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from streamroute.expressions.evaluate.interpreter import SIGNATURES
from streamroute.expressions.types.algebra.json_types import (
    ASSUMED,
    BOOLEAN,
    NEVER,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    UNKNOWN,
    LazyType,
    Type,
    array_of,
    is_never,
    nullable,
)
from streamroute.expressions.types.algebra.members import elements_of, values_of
from streamroute.expressions.types.algebra.type_operations import (
    of_value,
    restrict,
    union,
    union_all,
    without,
)
from streamroute.text.kinds import Kind

BY_KEY: Final = frozenset({"sort_by", "min_by", "max_by"})
"""Functions whose expression returns the number or string that elements are compared by."""

KEYS: Final[frozenset[Kind]] = frozenset(("number", "string"))

_NAMES: Final = ("array", "boolean", "number", "object", "string")


def list_argument(name: str) -> int | None:
    """The position of the list argument whose elements a function's expression is evaluated on."""
    return 1 if name == "map" else 0 if name in BY_KEY else None


def parameter_kinds(name: str, position: int) -> tuple[frozenset[Kind], frozenset[Kind]]:
    """The kinds that a parameter accepts, and those of its list elements; empty for any kind."""
    signature = SIGNATURES[name]
    type_names = signature[min(position, len(signature) - 1)]["types"]
    if name == "merge" and position > 0:
        type_names = ["object", "array", "string"]  # dict.update() also accepts an empty list or string
    kinds: list[Kind] = [each.partition("-")[0] for each in type_names]
    elements: list[Kind] = [each.partition("-")[2] for each in type_names if "-" in each]
    return frozenset(kinds), frozenset(elements)


def result_of(name: str, arguments: Sequence[Type], body: Type) -> Type:
    """Return the type of a function's result; ``body`` is the type of its ``&expression``."""
    return _RESULTS[name](arguments, body)


Rule = Callable[[Sequence[Type], Type], Type]


def _always(t: Type) -> Rule:
    return lambda _arguments, _body: t


def _extreme(arguments: Sequence[Type], _body: Type) -> Type:
    return nullable(elements_of(arguments[0]), ASSUMED)


def _first_list(arguments: Sequence[Type], _body: Type) -> Type:
    return restrict(arguments[0], frozenset(["array"]))


def _map(arguments: Sequence[Type], body: Type) -> Type:
    return array_of(body, empty="array" in arguments[1].empty)


def _not_null(arguments: Sequence[Type], _body: Type) -> Type:
    parts: list[Type] = []
    for argument in arguments:
        parts.append(without(argument, None))
        if not argument.null:
            return union_all(parts)
    return union_all([*parts, NULL])


def _reverse(arguments: Sequence[Type], body: Type) -> Type:
    reversed_string = STRING if arguments[0].has("string") else NEVER
    return union(reversed_string, _first_list(arguments, body))


def _to_array(arguments: Sequence[Type], body: Type) -> Type:
    single = restrict(arguments[0], arguments[0].kinds - {"array"})
    wrapped = NEVER if is_never(single) else array_of(single, empty=False)
    return union(wrapped, _first_list(arguments, body))


def _to_number(arguments: Sequence[Type], _body: Type) -> Type:
    return NUMBER if arguments[0].kinds == {"number"} else nullable(NUMBER, ASSUMED)


def _type(arguments: Sequence[Type], _body: Type) -> Type:
    kinds = arguments[0].kinds
    names = union_all(of_value(name) for name in (*_NAMES, "null") if name in kinds)
    return nullable(names) if "expref" in kinds else names


def _values(arguments: Sequence[Type], _body: Type) -> Type:
    objects = arguments[0]
    return array_of(LazyType(lambda: values_of(objects)), empty="object" in objects.empty)


def _keys(arguments: Sequence[Type], _body: Type) -> Type:
    return array_of(STRING, empty="object" in arguments[0].empty)


_RESULTS: Final[dict[str, Rule]] = {
    "abs": _always(NUMBER),
    "avg": _always(nullable(NUMBER, ASSUMED)),
    "ceil": _always(NUMBER),
    "contains": _always(BOOLEAN),
    "ends_with": _always(BOOLEAN),
    "floor": _always(NUMBER),
    "join": _always(STRING),
    "keys": _keys,
    "length": _always(NUMBER),
    "map": _map,
    "max": _extreme,
    "max_by": _extreme,
    "merge": _always(OBJECT),
    "min": _extreme,
    "min_by": _extreme,
    "not_null": _not_null,
    "reverse": _reverse,
    "sort": _first_list,
    "sort_by": _first_list,
    "starts_with": _always(BOOLEAN),
    "sum": _always(NUMBER),
    "to_array": _to_array,
    "to_number": _to_number,
    "to_string": _always(STRING),
    "type": _type,
    "values": _values,
}

# A function that a later library adds has an unknown result until it is described here.
for _name in SIGNATURES.keys() - _RESULTS.keys():
    _RESULTS[_name] = _always(UNKNOWN)
