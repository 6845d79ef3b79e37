"""Types of the values in an expression: sets of JSON values that are never too small.

For each kind of value, a type states whether it may occur and, if known, which values may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from streamroute.text.kinds import KINDS, Kind

Literals = frozenset[Any] | None
"""The possible values; None for any value."""

CERTAIN: Final = 0
ASSUMED: Final = 1
"""Some kinds are included only because nothing excludes them; intersecting with a known type resets this."""
UNCERTAIN: Final = 2
"""An unsupported part of a schema may exclude more; an intersection keeps this."""


class Deferred(Protocol):
    """A type, or a lazy one: schemas may be recursive."""

    def get(self) -> Type:
        """The type itself."""
        ...


class LazyType:
    """A type that is computed at its first use."""

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


class Shape(NamedTuple):
    """The properties of an object, and the type of all others (``rest``, None if there are no others).

    A ``declared`` shape comes from a schema: an unknown name is a mistake. In a ``loose`` shape, a property
    that seems optional may be required. In an ``envelope``, other names are fields of the entry.
    """

    properties: Mapping[str, Property]
    rest: Deferred | None
    declared: bool = False
    loose: bool = False
    envelope: bool = False

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return object.__hash__(self)


class Type(NamedTuple):
    """A set of values, by kind; ``uncertainty`` states how certain it is that each kind can occur.

    ``items`` is the type of a list's elements, None if no list is possible. ``empty`` are the kinds (string,
    array, object) of which the empty value is possible.
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

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def get(self) -> Type:
        """The type itself, so that it can be used as a ``Deferred``."""
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
        """Whether each kind is possible, in the order of ``KINDS``."""
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
MAYBE_EMPTY_STRING: Final[frozenset[Kind]] = frozenset(["string"])
_ARRAY_EMPTY: Final[frozenset[Kind]] = frozenset(["array"])
_OBJECT_EMPTY: Final[frozenset[Kind]] = frozenset(["object"])
_MAY_BE_EMPTY: Final[frozenset[Kind]] = frozenset(["string", "array", "object"])

NEVER: Final = Type()
NULL: Final = Type(null=True)
BOOLEAN: Final = Type(booleans=frozenset([True, False]))
TRUE: Final = Type(booleans=frozenset([True]))
FALSE: Final = Type(booleans=frozenset([False]))
NUMBER: Final = Type(numbers=None)
STRING: Final = Type(strings=None, empty=MAYBE_EMPTY_STRING)
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
"""Any JSON value. Nothing is certain about it, so nothing is reported."""


def array_of(items: Deferred, *, empty: bool = True, uncertainty: int = CERTAIN) -> Type:
    """Lists of these elements."""
    return Type(items=items, empty=_ARRAY_EMPTY if empty else frozenset(), uncertainty=uncertainty)


def object_of(shape: Shape, *, empty: bool = True) -> Type:
    """Objects of this shape."""
    return Type(objects=(shape,), empty=_OBJECT_EMPTY if empty else frozenset())


def is_never(t: Type) -> bool:
    """Whether the type has no values: the part is never evaluated."""
    if t.null or t.booleans or t.items is not None or t.objects or t.expref:
        return False
    return t.numbers is not None and not t.numbers and t.strings is not None and not t.strings


def nullable(t: Type, uncertainty: int = CERTAIN) -> Type:
    """Add null to a type; ``uncertainty`` states how certain the null is."""
    return t if t.null else t._replace(null=True, uncertainty=max(t.uncertainty, uncertainty))


def as_uncertain(t: Type) -> Type:
    """Mark a type as uncertain, at any depth: some of its values may be impossible."""
    if t.uncertainty == UNCERTAIN:
        return t
    return t._replace(uncertainty=UNCERTAIN, objects=tuple(shape._replace(loose=True) for shape in t.objects))
