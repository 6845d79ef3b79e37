"""The type of a payload: its data, and the envelope around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from streamroute.expressions.types.algebra.json_types import (
    ASSUMED,
    OBJECT,
    STRING,
    UNKNOWN,
    Deferred,
    LazyType,
    Property,
    Shape,
    Type,
    nullable,
    object_of,
)
from streamroute.expressions.types.algebra.step_budget import count_steps
from streamroute.expressions.types.algebra.type_operations import intersect, of_value, union_all

_NAMES_A_STEP: Final = 16

ENVELOPE_FIELD: Final = nullable(STRING)._replace(uncertainty=ASSUMED)
"""A name that is not in the data: a field of the entry, which is a string, or missing."""


def payload_type(
    messages: Mapping[str, Type | None], attributes: Mapping[str, bool] = MappingProxyType({})
) -> Type:
    """The type of a route's payload; ``messages`` maps each type that it accepts to its data's type, or None.

    The codec must add the entry's other fields to the data as strings, unless the data has that key. Envelope
    fields are assumed to differ from declared properties, except for the codec's own ``attributes``, which
    apply if the data lacks them; each is mapped to whether every entry has it.
    """
    return union_all(_payload(name, data, attributes) for name, data in messages.items())


def _payload(name: str, data: Type | None, attributes: Mapping[str, bool]) -> Type:
    shapes = intersect(OBJECT, UNKNOWN if data is None else data).objects
    enveloped = (object_of(_enveloped(shape, name, attributes), empty=False) for shape in shapes)
    return union_all(enveloped)


def _enveloped(shape: Shape, name: str, attributes: Mapping[str, bool]) -> Shape:
    type_field = {"type": Property(of_value(name), required=True)}
    shared = {
        name: Property(LazyType(partial(_or_string, field.type)), required=attributes[name])
        for name, field in shape.properties.items()
        if name in attributes and not field.required
    }
    properties = {**shape.properties, **shared, **type_field}
    rest = ENVELOPE_FIELD if shape.rest is None else UNKNOWN
    return shape._replace(properties=properties, rest=rest, envelope=shape.rest is None)


def _or_string(declared: Deferred) -> Type:
    return union_all([declared.get(), STRING])


def declared_names(messages: Iterable[Shape]) -> list[str]:
    """The names that any of several shapes declares."""
    messages = tuple(messages)
    count_steps(sum(len(shape.properties) for shape in messages) // _NAMES_A_STEP)
    return list(dict.fromkeys(name for shape in messages for name in shape.properties))
