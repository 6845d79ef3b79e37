"""The possible outcomes of comparing two types."""

from __future__ import annotations

from typing import Any, Final

from streamroute.expressions.types.algebra.json_types import (
    BOOLEAN,
    NEVER,
    NO_LITERALS,
    NULL,
    Literals,
    Type,
    is_never,
    nullable,
)
from streamroute.text.kinds import Kind

_ORDERED: Final = {True: nullable(BOOLEAN), False: BOOLEAN}


def may_be_equal(a: Type, b: Type) -> bool:
    """Whether values of these types may be equal in JMESPath: 1 equals 1.0, and neither equals true."""
    if (a.null and b.null) or not a.booleans.isdisjoint(b.booleans) or (a.expref and b.expref):
        return True
    if _meet(a.numbers, b.numbers) or _meet(a.strings, b.strings):
        return True
    return (a.has("array") and b.has("array")) or (a.has("object") and b.has("object"))


def _meet(a: Literals, b: Literals) -> bool:
    if a is None or b is None:
        return NO_LITERALS not in (a, b)
    return not a.isdisjoint(b)


def may_differ(a: Type, b: Type) -> bool:
    """Whether values of these types may be unequal in JMESPath."""
    one, two = only_value(a), only_value(b)
    return one is None or one != two


def only_value(t: Type) -> tuple[Kind, Any] | None:
    """The only value of a type, and its kind, if it is a scalar; None if there may be other values."""
    kinds = t.kinds
    if len(kinds) != 1:
        return None
    [kind] = kinds
    values: Literals = {
        "null": frozenset([None]),
        "boolean": t.booleans,
        "number": t.numbers,
        "string": t.strings,
    }.get(kind)
    if values is None or len(values) != 1:
        return None
    return kind, next(iter(values))


def is_comparable(a: Type, b: Type) -> bool:
    """Whether an ordering of such values may be true or false."""
    return (a.has("number") and b.has("number")) or (a.has("string") and b.has("string"))


def may_be_uncomparable(a: Type, b: Type) -> bool:
    """Whether an ordering of such values may be null."""
    return not (a.kinds == b.kinds and a.kinds in (frozenset(["number"]), frozenset(["string"])))


def ordering(one: Type, two: Type) -> Type:
    """The type of ``one < two``, and of the other orderings."""
    if is_never(one) or is_never(two):
        return NEVER
    if not is_comparable(one, two):
        return NULL
    return _ORDERED[may_be_uncomparable(one, two)]
