"""Operations on types: union, intersection, restriction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from streamroute.expressions.types.algebra.json_types import (
    ANY_SHAPE,
    FALSE,
    MAYBE_EMPTY_STRING,
    NEVER,
    NO_LITERALS,
    NULL,
    TRUE,
    UNCERTAIN,
    UNKNOWN,
    Deferred,
    LazyType,
    Literals,
    Property,
    Shape,
    Type,
    array_of,
    object_of,
)
from streamroute.expressions.types.algebra.step_budget import count_steps
from streamroute.text.kinds import Kind

_MAX_SHAPES: Final = 64
"""The most alternatives of objects that a union keeps apart."""


def of_value(value: Any) -> Type:
    """The narrowest type of a value."""
    if isinstance(value, str):
        return Type(strings=frozenset([value]), empty=frozenset() if value else MAYBE_EMPTY_STRING)
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, (int, float)):
        return Type(numbers=frozenset([value]) if value == value else None)  # noqa: PLR0124 - NaN is no literal
    if isinstance(value, list):
        items = LazyType(lambda: union_all(of_value(item) for item in value)) if value else NEVER
        return array_of(items, empty=not value)
    properties = {name: Property(_lazy_value(item), required=True) for name, item in value.items()}
    return object_of(Shape(properties, None), empty=not value)


def _lazy_value(value: Any) -> LazyType:
    return LazyType(lambda: of_value(value))


def union(a: Type, b: Type) -> Type:
    """The union of two types."""
    if a is b or b is NEVER:
        return a
    return b if a is NEVER else _union([a, b])


def union_all(types: Iterable[Type]) -> Type:
    """The union of any number of types."""
    distinct = list({id(t): t for t in types if t is not NEVER}.values())
    if len(distinct) <= 1:
        return distinct[0] if distinct else NEVER
    return _union(distinct)


def _union(types: list[Type]) -> Type:
    count_steps(len(types) + sum(len(t.objects) for t in types))
    return Type(
        null=any(t.null for t in types),
        booleans=NO_LITERALS.union(*(t.booleans for t in types)),
        numbers=_either([t.numbers for t in types]),
        strings=_either([t.strings for t in types]),
        items=_union_of_items([t.items for t in types if t.items is not None]),
        objects=_alternatives(shape for t in types for shape in t.objects),
        expref=any(t.expref for t in types),
        empty=frozenset[Kind]().union(*(t.empty for t in types)),
        uncertainty=max(t.uncertainty for t in types),
    )


def _either(sets: list[Literals]) -> Literals:
    known = [literals for literals in sets if literals is not None]
    return NO_LITERALS.union(*known) if len(known) == len(sets) else None


def _union_of_items(items: list[Deferred]) -> Deferred | None:
    distinct = list({id(item): item for item in items}.values())
    if len(distinct) <= 1:
        return distinct[0] if distinct else None
    return LazyType(lambda: union_all(item.get() for item in distinct))


def _alternatives(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    distinct = tuple({id(shape): shape for shape in shapes}.values())
    return distinct if len(distinct) <= _MAX_SHAPES else (ANY_SHAPE,)


def intersect(a: Type, b: Type) -> Type:
    """A type that contains the intersection of two types."""
    if a is UNKNOWN or a is b:
        return b
    if b is UNKNOWN:
        return a
    return Type(
        null=a.null and b.null,
        booleans=a.booleans & b.booleans,
        numbers=_both(a.numbers, b.numbers),
        strings=_both(a.strings, b.strings),
        items=_both_items(a.items, b.items),
        objects=_both_shapes(a.objects, b.objects),
        expref=a.expref and b.expref,
        empty=_both_empty(a, b),
        uncertainty=UNCERTAIN
        if UNCERTAIN in (a.uncertainty, b.uncertainty)
        else min(a.uncertainty, b.uncertainty),
    )


def _both(a: Literals, b: Literals) -> Literals:
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _both_empty(a: Type, b: Type) -> frozenset[Kind]:
    """The kinds whose empty value is in both; not "string" if one type lists only non-empty strings."""
    empty = a.empty & b.empty
    if "string" in empty and not (_may_hold_empty(a.strings) and _may_hold_empty(b.strings)):
        return empty - MAYBE_EMPTY_STRING
    return empty


def _may_hold_empty(strings: Literals) -> bool:
    return strings is None or "" in strings


def _both_items(a: Deferred | None, b: Deferred | None) -> Deferred | None:
    if a is None or b is None:
        return None
    return a if a is b else LazyType(lambda: intersect(a.get(), b.get()))


def _both_shapes(a: tuple[Shape, ...], b: tuple[Shape, ...]) -> tuple[Shape, ...]:
    if a == (ANY_SHAPE,) or not a:
        return b if a else ()
    if b == (ANY_SHAPE,) or not b:
        return a if b else ()
    if len(a) * len(b) > _MAX_SHAPES:
        return a
    return _alternatives(one if one is two else _merged(one, two) for one in a for two in b)


def _merged(a: Shape, b: Shape) -> Shape:
    """The shape of objects that fit both; a property of only one shape is kept."""
    count_steps(1 + len(a.properties) + len(b.properties))
    properties = {**a.properties, **b.properties}
    for name in a.properties.keys() & b.properties.keys():
        properties[name] = _both_properties(a.properties[name], b.properties[name])
    rest = None if a.rest is None else _both_items(a.rest, b.rest)
    return Shape(properties, rest, a.declared or b.declared, a.loose or b.loose, a.envelope or b.envelope)


def _both_properties(a: Property, b: Property) -> Property:
    one, two = a.type, b.type
    met = one if one is two else LazyType(lambda: intersect(one.get(), two.get()))
    return Property(met, a.required or b.required)


def restrict(t: Type, kinds: frozenset[Kind]) -> Type:
    """The part of a type that has these kinds."""
    if t.kinds <= kinds:
        return t
    return Type(
        null=t.null and "null" in kinds,
        booleans=t.booleans if "boolean" in kinds else NO_LITERALS,
        numbers=t.numbers if "number" in kinds else NO_LITERALS,
        strings=t.strings if "string" in kinds else NO_LITERALS,
        items=t.items if "array" in kinds else None,
        objects=t.objects if "object" in kinds else (),
        expref=t.expref and "expref" in kinds,
        empty=t.empty & kinds,
        uncertainty=t.uncertainty,
    )


def without(t: Type, value: Any) -> Type:
    """The type without one scalar value, if a type can express that."""
    if value is None:
        return t._replace(null=False) if t.null else t
    if isinstance(value, bool):
        return t._replace(booleans=t.booleans - {value})
    if isinstance(value, str):
        strings = None if t.strings is None else t.strings - {value}
        return t._replace(strings=strings, empty=t.empty if value else t.empty - MAYBE_EMPTY_STRING)
    return t if t.numbers is None else t._replace(numbers=t.numbers - {value})
