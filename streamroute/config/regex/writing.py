"""Write a regular expression in the syntax of Python's ``re`` and of Rust's ``regex``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from streamroute.config.regex.char_sets import EVERYTHING, LAST, Ranges, complement
from streamroute.config.regex.syntax import (
    Alternation,
    Assertion,
    Backreference,
    CaptureGroup,
    CharSet,
    Concatenation,
    Lookaround,
    Position,
    RegexNode,
    Repetition,
    parts_of,
)

_PLACES: Final = {
    Position.START: r"\A",
    Position.END: r"\Z",
    Position.BOUNDARY: r"(?a:\b)",
    Position.NO_BOUNDARY: r"(?!(?a:\b))",  # Python's \B does not match in the empty text
}
_LOOKS: Final = {(True, False): "=", (True, True): "!", (False, False): "<=", (False, True): "<!"}


def for_python(node: RegexNode) -> str | None:
    """Return the pattern for ``re``; None for a lookbehind of variable width, which ``re`` lacks."""
    if isinstance(node, Lookaround) and not node.is_ahead and width(node.body) is None:
        return None
    parts = [for_python(part) for part in parts_of(node)]
    if any(part is None for part in parts):
        return None
    return _for_python(node, [part for part in parts if part is not None])


def _for_python(node: RegexNode, parts: list[str]) -> str | None:
    match node:
        case CharSet(ranges):
            return _python_class(ranges)
        case Assertion(place):
            return _PLACES[place]
        case CaptureGroup():
            return f"({parts[0]})"
        case Backreference(number):
            # A group that has not matched counts as empty in ECMA-262, but fails to match in Python.
            return f"(?({number})(?:\\{number})|)"
    if isinstance(node, Lookaround):
        return f"(?{_LOOKS[node.is_ahead, node.is_negative]}{parts[0]})"
    return _composed(node, parts)


def _python_class(ranges: Ranges) -> str | None:
    # For a large set, a negated class with the few excluded characters is faster.
    if _size(ranges) <= LAST // 2 or ranges == EVERYTHING:
        return _chars(ranges, _python_char, empty="(?!)")
    rest = _chars(complement(ranges), _python_char, empty=None) or ""
    return f"[^{rest.removeprefix('[').removesuffix(']')}]"


def for_rust(node: RegexNode) -> str | None:
    """Return the pattern for Rust's ``regex``; None if it uses a feature that ``regex`` lacks."""
    if isinstance(node, CharSet):
        ranges = tuple(_without_surrogates(node.ranges))
        return _chars(ranges, _rust_char, empty=None)
    if isinstance(node, Assertion):
        return {Position.START: r"\A", Position.END: r"\z"}.get(node.place)
    if isinstance(node, (Lookaround, Backreference)):
        return None
    parts = [for_rust(part) for part in parts_of(node)]
    if any(part is None for part in parts):
        return None
    return _composed(node, [part for part in parts if part is not None])


def _composed(node: RegexNode, parts: list[str]) -> str:
    if isinstance(node, Repetition):
        most = "" if node.most is None else str(node.most)
        return f"(?:{parts[0]}){{{node.least},{most}}}"
    return f"(?:{('|' if isinstance(node, Alternation) else '').join(parts)})"


def _size(ranges: Ranges) -> int:
    return sum(high - low + 1 for low, high in ranges)


def _chars(ranges: Ranges, write: Callable[[int], str], empty: str | None) -> str | None:
    if not ranges:
        return empty
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return write(ranges[0][0])
    return "[" + "".join(write(low) + (f"-{write(high)}" if high > low else "") for low, high in ranges) + "]"


def _python_char(code: int) -> str:
    return chr(code) if chr(code).isalnum() and code < 0x80 else f"\\U{code:08x}"


def _rust_char(code: int) -> str:
    return f"\\x{{{code:x}}}"


def _without_surrogates(ranges: Ranges) -> list[tuple[int, int]]:
    """Remove the surrogates, which do not occur in Rust's strings."""
    result: list[tuple[int, int]] = []
    for low, high in ranges:
        result += [(low, min(high, 0xD7FF))] if low <= 0xD7FF else []
        result += [(max(low, 0xE000), high)] if high >= 0xE000 else []
    return result


def width(node: RegexNode) -> int | None:
    """Return the number of characters that a node matches, or None if it varies."""
    if isinstance(node, (CharSet, Assertion, Lookaround, Backreference)):
        return {CharSet: 1, Backreference: None}.get(type(node), 0)
    widths = [width(part) for part in parts_of(node)]
    known = [each for each in widths if each is not None]
    if len(known) < len(widths):
        return None
    if isinstance(node, Repetition):
        return known[0] * node.least if node.least == node.most or known == [0] else None
    if isinstance(node, Alternation):
        return known[0] if len(set(known)) == 1 else None
    return sum(known)


def is_anchored(node: RegexNode) -> bool:
    """Whether the pattern can match only at the start of the text."""
    if isinstance(node, Alternation):
        return all(map(is_anchored, node.options))
    if isinstance(node, Concatenation):
        return bool(node.parts) and is_anchored(node.parts[0])
    if isinstance(node, CaptureGroup):
        return is_anchored(node.body)
    return isinstance(node, Assertion) and node.place is Position.START
