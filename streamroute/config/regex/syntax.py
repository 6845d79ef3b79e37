"""What a regular expression is made of, once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamroute.config.regex.char_sets import Ranges


class RegexError(ValueError):
    """Raised for what is no regular expression of ECMA-262, or none that can be matched here."""


class Place(Enum):
    """A condition on a position of the text."""

    START = "start"
    END = "end"
    BOUNDARY = "boundary"
    NO_BOUNDARY = "no boundary"


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class At:
    """A position, without a character."""

    place: Place


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after another; without parts, the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``least`` to ``most`` times; None for no bound. Whether a match is found does not hang on greed."""

    body: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """A group whose text a backreference may ask for."""

    body: Node
    number: int


@dataclass(frozen=True, slots=True)
class Backreference:
    """The text of a group again; the empty text where the group has none."""

    number: int


@dataclass(frozen=True, slots=True)
class Look:
    """What must, or must not, stand after or before a position."""

    body: Node
    is_ahead: bool
    is_negative: bool


Node = Chars | At | Sequence | Choice | Repeat | Group | Backreference | Look


def parts_of(node: Node) -> tuple[Node, ...]:
    """What a part is made of."""
    if isinstance(node, Sequence):
        return node.parts
    if isinstance(node, Choice):
        return node.options
    return (node.body,) if isinstance(node, (Repeat, Group, Look)) else ()
