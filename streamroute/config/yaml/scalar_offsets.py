"""Map the characters of a scalar's value to the characters of the file."""

from __future__ import annotations

from typing import Final

_WHITE: Final = frozenset(" \t\r\n\x85\u2028\u2029")
_HEX_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}


def align(raw: str, value: str, style: str) -> list[int]:
    """Return an offset into ``raw`` for each character of ``value``, and for its end.

    ``raw`` is the scalar's source text, from its quote or its ``|`` on; ``style`` is ``plain``, ``'``, ``"``,
    ``|`` or ``>``. Folding changes only white space, so all other characters occur in the same order.
    """
    if style == '"':
        return _align_escaped(raw, value)
    return _align_folded(raw, value, style)


def _align_folded(raw: str, value: str, style: str) -> list[int]:
    at = _body_start(raw, style)
    offsets: list[int] = []
    for char in value:
        if char not in _WHITE:
            at = _skip_white(raw, at)
        offsets.append(min(at, len(raw)))
        if raw[at : at + 1] == char:
            at += 2 if style == "'" and char == "'" else 1
    return [*offsets, _behind(offsets, at)]


def _body_start(raw: str, style: str) -> int:
    if style == "'":
        return 1
    if style in {"|", ">"}:
        # The header may contain a comment; the text starts on the next line, after its indentation.
        return _skip_white(raw, raw.find("\n") + 1) if "\n" in raw else len(raw)
    return 0


def _skip_white(raw: str, at: int) -> int:
    while at < len(raw) and raw[at] in _WHITE:
        at += 1
    return at


def _behind(offsets: list[int], at: int) -> int:
    return max(at, offsets[-1]) if offsets else at


def _align_escaped(raw: str, value: str) -> list[int]:
    at = 1
    offsets: list[int] = []
    for char in value:
        at = _next_char(raw, at, char)
        offsets.append(min(at, len(raw)))
        at += _width(raw, at, char)
    return [*offsets, _behind(offsets, at)]


def _next_char(raw: str, at: int, char: str) -> int:
    while at < len(raw):
        if raw.startswith(("\\\n", "\\\r"), at):
            at = _skip_white(raw, at + 1)
        elif raw[at] in _WHITE and char not in _WHITE:
            at += 1
        else:
            return at
    return at


def _width(raw: str, at: int, char: str) -> int:
    if raw[at : at + 1] == "\\":
        return 2 + _HEX_ESCAPES.get(raw[at + 1 : at + 2], 0)
    return 1 if raw[at : at + 1] == char else 0
