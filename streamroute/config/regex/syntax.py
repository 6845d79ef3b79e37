"""The syntax tree of a regular expression."""

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
    """Matches one character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Assertion:
    """Matches a position, without consuming a character."""

    place: Position


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Matches its parts in order; without parts, the empty text."""

    parts: tuple[RegexNode, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """Matches one of its options."""

    options: tuple[RegexNode, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """Matches ``body`` ``least`` to ``most`` times (None: unbounded).

    Greedy and lazy repetitions are not distinguished: that does not affect whether a match exists.
    """

    body: RegexNode
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class CaptureGroup:
    """A group to which a backreference may refer."""

    body: RegexNode
    number: int


@dataclass(frozen=True, slots=True)
class Backreference:
    """Matches the text of a group again; the empty text if the group has not matched."""

    number: int


@dataclass(frozen=True, slots=True)
class Lookaround:
    """Requires, or if ``is_negative`` forbids, a match of ``body`` directly after or before a position."""

    body: RegexNode
    is_ahead: bool
    is_negative: bool


RegexNode = (
    CharSet | Assertion | Concatenation | Alternation | Repetition | CaptureGroup | Backreference | Lookaround
)


def parts_of(node: RegexNode) -> tuple[RegexNode, ...]:
    """Return the children of a node."""
    if isinstance(node, Concatenation):
        return node.parts
    if isinstance(node, Alternation):
        return node.options
    return (node.body,) if isinstance(node, (Repetition, CaptureGroup, Lookaround)) else ()
