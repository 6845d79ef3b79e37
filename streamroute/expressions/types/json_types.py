"""Types of the values that an expression meets: sets of JSON values, never smaller than the truth.

A type says for each kind of value whether it may occur and, where that is known, which values. Types are
joined (``union``), met (``intersect``) and cut down (``restrict``, ``truthy`` ...); each result holds at
least the values that it should.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, Protocol

from streamroute.expressions.types.step_budget import count_steps

Kind = Literal["null", "boolean", "number", "string", "array", "object", "expref"]
KINDS: Final[tuple[Kind, ...]] = ("null", "boolean", "number", "string", "array", "object", "expref")

Literals = frozenset[Any] | None
"""The values that are possible; None is any."""

CERTAIN: Final = 0
ASSUMED: Final = 1
"""Some kinds are here only because nothing speaks against them; a meeting with what is known ends that."""
UNCERTAIN: Final = 2
"""A part of a schema was not understood that may forbid more; this stays through a meeting."""

_MOST: Final = 64
"""Alternatives of objects, and literals of a kind, that a union keeps apart."""


class Deferred(Protocol):
    """A type, or how to come by it: schemas may hold themselves."""

    def get(self) -> Type:
        """The type itself."""
        ...


class LazyType:
    """A type that is worked out when it is first asked for."""

    __slots__ = ("_make", "_type")

    def __init__(self, make: Callable[[], Type]) -> None:
        self._make = make
        self._type: Type | None = None

    def get(self) -> Type:
        """The type itself."""
        if self._type is None:
            self._type = self._make()
        return self._type


class Property(NamedTuple):
    """A property of an object; one that is not ``required`` may be missing."""

    type: Deferred
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What is known of an object: its properties, and the type of ``rest``, all others (None: none).

    A ``declared`` shape comes from a schema: a name that it does not have is a mistake. ``loose`` says
    that a property may be required all the same. In an ``envelope`` other names are fields of the entry.
    """

    properties: Mapping[str, Property]
    rest: Deferred | None
    declared: bool = False
    loose: bool = False
    envelope: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A set of values, kind by kind; ``uncertainty`` says how sure it is that a kind can occur.

    ``items`` is the type of a list's elements, None where no list is possible. ``empty`` holds the kinds,
    among string, array and object, of which the empty value is possible.
    """

    null: bool = False
    booleans: frozenset[bool] = frozenset()
    numbers: Literals = frozenset()
    strings: Literals = frozenset()
    items: Deferred | None = None
    objects: tuple[Shape, ...] = ()
    expref: bool = False
    empty: frozenset[Kind] = frozenset()
    uncertainty: int = CERTAIN

    def get(self) -> Type:
        """Itself: a type is its own promise."""
        return self

    def has(self, kind: Kind) -> bool:
        """Whether a value of this kind is possible."""
        return self._possible()[KINDS.index(kind)]

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of values that are possible."""
        if self is UNKNOWN:
            return _JSON
        return frozenset(
            kind for kind, is_possible in zip(KINDS, self._possible(), strict=True) if is_possible
        )

    def _possible(self) -> tuple[bool, ...]:
        """For each kind, in order, whether it is possible."""
        return (
            self.null,
            bool(self.booleans),
            self.numbers is None or bool(self.numbers),
            self.strings is None or bool(self.strings),
            self.items is not None,
            bool(self.objects),
            self.expref,
        )


_JSON: Final[frozenset[Kind]] = frozenset(KINDS) - {"expref"}
NO_LITERALS: Final[frozenset[Any]] = frozenset()
EMPTY_STRING: Final[frozenset[Any]] = frozenset([""])
_STRING_EMPTY: Final[frozenset[Kind]] = frozenset(["string"])
_ARRAY_EMPTY: Final[frozenset[Kind]] = frozenset(["array"])
_OBJECT_EMPTY: Final[frozenset[Kind]] = frozenset(["object"])
_MAY_BE_EMPTY: Final[frozenset[Kind]] = frozenset(["string", "array", "object"])

NEVER: Final = Type()
NULL: Final = Type(null=True)
BOOLEAN: Final = Type(booleans=frozenset([True, False]))
TRUE: Final = Type(booleans=frozenset([True]))
FALSE: Final = Type(booleans=frozenset([False]))
NUMBER: Final = Type(numbers=None)
STRING: Final = Type(strings=None, empty=_STRING_EMPTY)
EXPREF: Final = Type(expref=True)


def _anything() -> Type:
    return UNKNOWN


ANY_SHAPE: Final = Shape({}, LazyType(_anything))
EMPTY_SHAPE: Final = Shape({}, None)
OBJECT: Final = Type(objects=(ANY_SHAPE,), empty=_OBJECT_EMPTY)
UNKNOWN: Final = Type(
    null=True,
    booleans=BOOLEAN.booleans,
    numbers=None,
    strings=None,
    items=LazyType(_anything),
    objects=(ANY_SHAPE,),
    empty=_MAY_BE_EMPTY,
    uncertainty=ASSUMED,
)
"""Any JSON value. Whatever is asked of it, the answer is "perhaps", so nothing is reported of it."""


def array_of(items: Deferred, *, empty: bool = True, uncertainty: int = CERTAIN) -> Type:
    """Lists of such elements."""
    return Type(items=items, empty=_ARRAY_EMPTY if empty else frozenset(), uncertainty=uncertainty)


def object_of(shape: Shape, *, empty: bool = True) -> Type:
    """Objects of this shape."""
    return Type(objects=(shape,), empty=_OBJECT_EMPTY if empty else frozenset())


def of_value(value: Any) -> Type:
    """The type of exactly this value, as far as types go."""
    if isinstance(value, str):
        return Type(strings=frozenset([value]), empty=frozenset() if value else _STRING_EMPTY)
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


def is_never(t: Type) -> bool:
    """Whether no value is of this type: the place is not reached."""
    if t.null or t.booleans or t.items is not None or t.objects or t.expref:
        return False
    return t.numbers is not None and not t.numbers and t.strings is not None and not t.strings


def nullable(t: Type, uncertainty: int = CERTAIN) -> Type:
    """The type, or null; ``uncertainty`` says how sure the null is."""
    return t if t.null else replace(t, null=True, uncertainty=max(t.uncertainty, uncertainty))


def union(a: Type, b: Type) -> Type:
    """What is of one type or the other."""
    if a is b or b is NEVER:
        return a
    return b if a is NEVER else _union([a, b])


def union_all(types: Iterable[Type]) -> Type:
    """What is of one of the types at least."""
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
    return distinct if len(distinct) <= _MOST else (ANY_SHAPE,)


def intersect(a: Type, b: Type) -> Type:
    """What is of both types, or a little more."""
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
    """The kinds of which both may be empty; a string that must be one of some others cannot."""
    empty = a.empty & b.empty
    if "string" in empty and not (_may_hold_empty(a.strings) and _may_hold_empty(b.strings)):
        return empty - _STRING_EMPTY
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
    if len(a) * len(b) > _MOST:
        return a
    return _alternatives(one if one is two else _merged(one, two) for one in a for two in b)


def _merged(a: Shape, b: Shape) -> Shape:
    """The shape of what has both; a property of one alone is taken as that one has it."""
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
    """The part of a type that is of these kinds."""
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
    """The type less one scalar value, where types can tell."""
    if value is None:
        return replace(t, null=False) if t.null else t
    if isinstance(value, bool):
        return replace(t, booleans=t.booleans - {value})
    if isinstance(value, str):
        strings = None if t.strings is None else t.strings - {value}
        return replace(t, strings=strings, empty=t.empty if value else t.empty - _STRING_EMPTY)
    return t if t.numbers is None else replace(t, numbers=t.numbers - {value})


def as_uncertain(t: Type) -> Type:
    """The type, of which some values may not be possible after all, here or anywhere below."""
    if t.uncertainty == UNCERTAIN:
        return t
    return replace(t, uncertainty=UNCERTAIN, objects=tuple(replace(shape, loose=True) for shape in t.objects))
