"""The types of fields, elements and values of a type."""

from __future__ import annotations

from streamroute.expressions.types.algebra.json_types import (
    NEVER,
    NO_LITERALS,
    NULL,
    UNCERTAIN,
    UNKNOWN,
    Shape,
    Type,
    as_uncertain,
    nullable,
)
from streamroute.expressions.types.algebra.step_budget import count_steps
from streamroute.expressions.types.algebra.type_operations import union_all


def field_of(t: Type, name: str) -> Type:
    """The type of a field; null if the value is not an object."""
    if t is UNKNOWN:
        return t
    count_steps(1 + len(t.objects))
    fields = [_field_of_shape(shape, name) for shape in t.objects]
    if (
        t.null
        or t.items is not None
        or t.booleans
        or t.numbers != NO_LITERALS
        or t.strings != NO_LITERALS
        or t.expref
    ):
        fields.append(Type(null=True, uncertainty=t.uncertainty) if t.uncertainty else NULL)
    return union_all(fields)


def _field_of_shape(shape: Shape, name: str) -> Type:
    field = shape.properties.get(name)
    if field is not None:
        t = field.type.get() if field.required else nullable(field.type.get())
    else:
        t = NULL if shape.rest is None else nullable(shape.rest.get())
    return as_uncertain(t) if shape.loose else t


def elements_of(t: Type) -> Type:
    """The type of the elements of lists."""
    if t.items is None:
        return NEVER
    return as_uncertain(t.items.get()) if t.uncertainty == UNCERTAIN else t.items.get()


def values_of(t: Type) -> Type:
    """The type of the values of objects."""
    return union_all(value for shape in t.objects for value in _values_of_shape(shape))


def _values_of_shape(shape: Shape) -> list[Type]:
    values = [each.type.get() for each in shape.properties.values()]
    if shape.rest is not None:
        values.append(shape.rest.get())
    return [as_uncertain(value) for value in values] if shape.loose else values
