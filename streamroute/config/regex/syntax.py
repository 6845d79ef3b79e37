"""What a regular expression is made of, once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamroute.config.regex.char_sets import Ranges


class RegexError(ValueError):
    """Raised for an invalid or unsupported regular expression of ECMA-262."""


class Position(Enum):
    """A condition on a position of the text."""

    START = "start"
    END = "end"
    BOUNDARY = "boundary"
    NO_BOUNDARY = "no boundary"


@dataclass(frozen=True, slots=True)
class CharSet:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Assertion:
    """A position, without a character."""

    place: Position


@dataclass(frozen=True, slots=True)
class Concatenation:
    """One part after another; without parts, the empty text."""

    parts: tuple[RegexNode, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """One of several."""

    options: tuple[RegexNode, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """``least`` to ``most`` times; None for no bound. Whether a match is found does not hang on greed."""

    body: RegexNode
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class CaptureGroup:
    """A group whose text a backreference may ask for."""

    body: RegexNode
    number: int


@dataclass(frozen=True, slots=True)
class Backreference:
    """The text of a group again; the empty text where the group has none."""

    number: int


@dataclass(frozen=True, slots=True)
class Lookaround:
    """What must, or must not, stand after or before a position."""

    body: RegexNode
    is_ahead: bool
    is_negative: bool


RegexNode = (
    CharSet | Assertion | Concatenation | Alternation | Repetition | CaptureGroup | Backreference | Lookaround
)


def parts_of(node: RegexNode) -> tuple[RegexNode, ...]:
    """What a part is made of."""
    if isinstance(node, Concatenation):
        return node.parts
    if isinstance(node, Alternation):
        return node.options
    return (node.body,) if isinstance(node, (Repetition, CaptureGroup, Lookaround)) else ()
