"""Parse what stands for a set of characters: escapes and classes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from streamroute.config.regex.char_sets import DIGITS, SPACE, WORD, Ranges, category, complement, union
from streamroute.config.regex.syntax import RegexError

_CLASSES: Final = {"d": DIGITS, "w": WORD, "s": SPACE} | {
    "D": complement(DIGITS),
    "W": complement(WORD),
    "S": complement(SPACE),
}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_CODE: Final = re.compile(
    r"c([A-Za-z])|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,20})\}"
    r"|u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})"
)
_PROPERTY: Final = re.compile(r"([pP])\{(?:(?:General_Category|gc)=)?([A-Za-z_]+)\}")
_PYTHONS: Final = {"A": "; write ^", "Z": "; write $", "z": "; write $", "a": r"; write \x07"}
"""Escapes of Python, and what to write instead."""


@dataclass(slots=True)
class CharParser:
    """Reads a pattern from left to right; ``at`` is the current offset."""

    text: str
    at: int = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def char_class(self) -> Ranges:
        """Parse a class ``[...]``."""
        self.at += 1
        is_negated = self.peek() == "^"
        self.at += is_negated
        ranges: list[tuple[int, int]] = []
        while self.peek() != "]":
            ranges += self._class_part()
        self.at += 1
        result = union(ranges)
        return complement(result) if is_negated else result

    def _class_part(self) -> Ranges:
        low = self._class_atom()
        if self.peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("", "]"):
            return low
        self.at += 1
        high = self._class_atom()
        if not _is_one(low) or not _is_one(high):
            raise RegexError("a range in [...] ends with more than one character")
        if low[0][0] > high[0][0]:
            raise RegexError("the start of a range in [...] is greater than its end")
        return ((low[0][0], high[0][0]),)

    def _class_atom(self) -> Ranges:
        char = self.peek()
        if not char:
            raise RegexError('missing "]" of a character class')
        if char != "\\":
            self.at += 1
            return ((ord(char), ord(char)),)
        if self.text[self.at + 1 : self.at + 2] == "b":
            self.at += 2
            return ((8, 8),)
        return self.escaped_chars()

    def escaped_chars(self) -> Ranges:
        """Parse an escape that stands for characters, inside or outside a class."""
        at = self.at + 1
        char = self.text[at : at + 1]
        if char in _CLASSES and char:
            self.at += 2
            return _CLASSES[char]
        if char in ("p", "P"):
            return self._property()
        code = self._code(char)
        return ((code, code),)

    def _property(self) -> Ranges:
        match = _PROPERTY.match(self.text, self.at + 1)
        ranges = category(match[2]) if match else None
        if match is None or ranges is None:
            raise RegexError(
                r"unsupported Unicode property; only general categories such as \p{Lu} are supported"
            )
        self.at = match.end()
        return complement(ranges) if match[1] == "P" else ranges

    def _code(self, char: str) -> int:
        match = _CODE.match(self.text, self.at + 1)
        if match:
            self.at = match.end()
            return _code_point(match)
        if (
            char in _CONTROLS
            and char
            and not (char == "0" and self.text[self.at + 2 : self.at + 3].isdigit())
        ):
            self.at += 2
            return _CONTROLS[char]
        if not char or char.isalnum() or ord(char) > 0x7F:
            raise RegexError(f'"\\{char}" is not an escape of ECMA-262{_PYTHONS.get(char, "")}')
        self.at += 2
        return ord(char)


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _code_point(match: re.Match[str]) -> int:
    control, byte, braces, high, low, unit = match.groups()
    if control:
        return ord(control) % 32
    if high:
        return 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
    code = int(byte or braces or unit, 16)
    if code > 0x10FFFF:
        raise RegexError(f'"\\{match[0]}" is not a character')
    return code
