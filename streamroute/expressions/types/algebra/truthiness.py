"""The truth of types: their parts that are true, and false, in JMESPath."""

from __future__ import annotations

from streamroute.expressions.types.algebra.json_types import (
    BOOLEAN,
    EMPTY_SHAPE,
    EMPTY_STRING,
    FALSE,
    NEVER,
    NO_LITERALS,
    TRUE,
    Type,
    is_never,
)


def truthy(t: Type) -> Type:
    """The part of a type that is true in JMESPath: not null, false or empty; 0 is true."""
    if not may_be_false(t):
        return t
    return Type(
        null=False,
        booleans=t.booleans - {False},
        numbers=t.numbers,
        strings=t.strings if t.strings is None else t.strings - EMPTY_STRING,
        items=None if t.items is NEVER else t.items,
        objects=tuple(shape for shape in t.objects if shape.properties or shape.rest is not None),
        expref=t.expref,
        uncertainty=t.uncertainty,
    )


def falsy(t: Type) -> Type:
    """The part of a type that is false in JMESPath."""
    if t is BOOLEAN:
        return FALSE
    return Type(
        null=t.null,
        booleans=t.booleans - {True},
        strings=EMPTY_STRING if "string" in t.empty else NO_LITERALS,
        items=NEVER if "array" in t.empty else None,
        objects=(EMPTY_SHAPE,) if "object" in t.empty else (),
        empty=t.empty,
        uncertainty=t.uncertainty,
    )


def may_be_true(t: Type) -> bool:
    """Whether a value of this type may be true in JMESPath."""
    if True in t.booleans or t.numbers != NO_LITERALS or t.expref:
        return True
    if t.strings not in (NO_LITERALS, EMPTY_STRING):
        return True
    if t.items is not None and t.items is not NEVER:
        return True
    return any(shape.properties or shape.rest is not None for shape in t.objects)


def may_be_false(t: Type) -> bool:
    """Whether a value of this type may be false in JMESPath."""
    return t.null or bool(t.empty) or False in t.booleans


def negation(t: Type) -> Type:
    """The type of ``!value``."""
    if is_never(t):
        return NEVER
    if may_be_true(t):
        return BOOLEAN if may_be_false(t) else FALSE
    return TRUE
