"""Parse regular expressions.

The syntax is that of unicode mode, plus two unambiguous extensions from Annex B: escaped punctuation, and a
lone bracket or brace. Syntax that only Python has is rejected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from streamroute.config.regex.char_parser import CharParser
from streamroute.config.regex.char_sets import LINE_ENDS, complement
from streamroute.config.regex.syntax import (
    Alternation,
    Assertion,
    Backreference,
    CaptureGroup,
    CharSet,
    Concatenation,
    Lookaround,
    Position,
    RegexError,
    RegexNode,
    Repetition,
    parts_of,
)

MAX_PATTERN_LENGTH: Final = 20_000  # characters of a pattern
_MAX_DEPTH: Final = 50  # groups within groups
_MAX_REPEATS: Final = 2**32 - 2  # what Python's engine can count

_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{([0-9]{1,20})(,?)([0-9]{0,20})\})\??")
_OPENING: Final = re.compile(r"\((?:\?(?::|<?[=!]|<([A-Za-z_$][\w$]*)>))?")
_TIMES: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_PLACES: Final = {"b": Position.BOUNDARY, "B": Position.NO_BOUNDARY}


@dataclass(frozen=True, slots=True)
class Regex:
    """A parsed regular expression."""

    root: RegexNode
    has_backreferences: bool
    has_looks: bool


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Regex:
    """Parse a pattern; raises RegexError if it is invalid or unsupported."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise RegexError(f"it is longer than {MAX_PATTERN_LENGTH:,} characters")
    reading = _PatternParser(pattern)
    root = reading.choice()
    if reading.at < len(pattern):
        raise RegexError('unmatched ")"')
    if reading.has_backreferences:
        _check_backreferences(root)
    return Regex(root, reading.has_backreferences, reading.has_looks)


@dataclass(slots=True)
class _PatternParser(CharParser):
    """Parses a pattern with its groups; one method for each rule of the grammar."""

    has_looks: bool = False
    names: dict[str, int] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    has_backreferences: bool = False
    _count: int = 0
    _depth: int = 0

    def choice(self) -> RegexNode:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RegexError(f"its groups are nested more than {_MAX_DEPTH} deep")
        options = [self._sequence()]
        while self.peek() == "|":
            self.at += 1
            options.append(self._sequence())
        self._depth -= 1
        return options[0] if len(options) == 1 else Alternation(tuple(options))

    def _sequence(self) -> RegexNode:
        parts: list[RegexNode] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def _term(self) -> RegexNode:
        atom = self._atom()
        quantifier = _QUANTIFIER.match(self.text, self.at)
        return self._repeated(atom, quantifier) if quantifier else atom

    def _repeated(self, atom: RegexNode, quantifier: re.Match[str]) -> RegexNode:
        if isinstance(atom, (Assertion, Lookaround)):
            raise RegexError(f'"{quantifier[0]}" repeats an assertion, which cannot be repeated')
        self.at = quantifier.end()
        if quantifier[1]:
            least, most = _TIMES[quantifier[1]]
        else:
            least = int(quantifier[2])
            most = int(quantifier[4]) if quantifier[4] else None if quantifier[3] else least
        if most is not None and most < least:
            raise RegexError(f'the minimum of "{quantifier[0]}" is greater than its maximum')
        if max(least, most or 0) > _MAX_REPEATS:
            raise RegexError(f'"{quantifier[0]}" is too large')
        return Repetition(atom, least, most)

    def _atom(self) -> RegexNode:
        char = self.peek()
        if char == "(":
            return self._group()
        if char == "[":
            return CharSet(self.char_class())
        if char == "\\":
            return self._escape()
        if char in "*+?":
            raise RegexError(f'nothing to repeat before "{char}"')
        if char == "{" and (match := re.compile(r"\{[0-9]*+,?[0-9]*\}").match(self.text, self.at)):
            raise RegexError(f'"{match[0]}" repeats nothing; write "\\{{" for the brace itself')
        self.at += 1
        if char == "^":
            return Assertion(Position.START)
        if char == "$":
            return Assertion(Position.END)
        return CharSet(complement(LINE_ENDS)) if char == "." else _one(ord(char))

    # Groups.

    def _group(self) -> RegexNode:
        match = _OPENING.match(self.text, self.at)
        assert match is not None  # noqa: S101 - it stands on a bracket
        opening = match[0]
        self.at = match.end()
        if self.peek() == "?":
            raise RegexError(_foreign(self.text[self.at - 1 :]))
        number = self._number(match[1]) if opening == "(" or match[1] else None
        body = self.choice()
        if self.peek() != ")":
            raise RegexError('missing ")" of a group')
        self.at += 1
        if number is not None:
            self.closed.add(number)
            return CaptureGroup(body, number)
        if opening == "(?:":
            return Concatenation((body,)) if isinstance(body, (Assertion, Lookaround)) else body
        self.has_looks = True
        return Lookaround(body, is_ahead="<" not in opening, is_negative="!" in opening)

    def _number(self, name: str | None) -> int:
        self._count += 1
        if name is not None:
            if name in self.names:
                raise RegexError(f'duplicate group name "{name}"')
            self.names[name] = self._count
        return self._count

    # Escapes.

    def _escape(self) -> RegexNode:
        char = self.text[self.at + 1 : self.at + 2]
        if char in _PLACES and char:
            self.at += 2
            return Assertion(_PLACES[char])
        if char and char in "123456789":
            match = re.compile(r"[0-9]{1,4}").match(self.text, self.at + 1)
            assert match is not None  # noqa: S101 - it stands on a digit
            return self._reference(int(match[0]), match.end())
        named = re.compile(r"k<([A-Za-z_$][\w$]*)>").match(self.text, self.at + 1)
        if named:
            return self._reference(self.names.get(named[1], 0), named.end())
        return CharSet(self.escaped_chars())

    def _reference(self, number: int, end: int) -> RegexNode:
        if number not in self.closed:
            raise RegexError("a backreference refers to no earlier group")
        self.at, self.has_backreferences = end, True
        return Backreference(number)


def _foreign(text: str) -> str:
    if text.startswith("(?P<"):
        return '"(?P<" is Python\'s; write "(?<name>...)"'
    if text.startswith("(?P="):
        return '"(?P=" is Python\'s; write "\\k<name>"'
    return f'"{text[:3]}" opens no group of ECMA-262'


def _one(code: int) -> CharSet:
    return CharSet(((code, code),))


def _check_backreferences(root: RegexNode) -> None:
    """Reject backreferences into a repetition or lookaround from outside it: engines disagree on them."""
    groups: dict[int, tuple[int, ...]] = {}
    references: list[tuple[int, tuple[int, ...]]] = []
    waiting: list[tuple[RegexNode, tuple[int, ...]]] = [(root, ())]
    while waiting:
        node, scopes = waiting.pop()
        if isinstance(node, CaptureGroup):
            groups[node.number] = scopes
        elif isinstance(node, Backreference):
            references.append((node.number, scopes))
        elif isinstance(node, Lookaround) or (isinstance(node, Repetition) and node.most != 1):
            scopes = (*scopes, id(node))
        waiting += [(part, scopes) for part in parts_of(node)]
    for number, scopes in references:
        if scopes[: len(groups[number])] != groups[number]:
            raise RegexError("a backreference refers to a group inside a repetition or a lookaround")
